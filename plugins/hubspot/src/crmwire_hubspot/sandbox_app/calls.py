"""One request on its way through the vendor's handlers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from crmwire_hubspot.sandbox_app.portal import Portal
from crmwire_hubspot.sandbox_app.refusals import malformed


@frozen(kw_only=True)
class Call:
    """A request that is authorised and counted; `json` is its body, None if it has none.

    `scopes` are those of the token. `version` is the path's: a date, or the legacy one (`v3`,
    `v4`).
    """

    portal: Portal
    scopes: frozenset[str]
    version: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    json: Any
    url: str
    commit: Callable[[str, str, str, Mapping[str, Any]], None]

    @property
    def legacy(self) -> bool:
        return self.version in ("v3", "v4")

    @property
    def body(self) -> Mapping[str, Any]:
        """The body, which must be an object. Raises: Refusal."""
        if not isinstance(self.json, Mapping):
            raise malformed("an object is expected")
        return self.json
