"""One call below `/services/data/`, from HTTP or from inside a composite, and its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs
from attrs import frozen

from crmwire_salesforce.sandbox_app.duplicates import DuplicateOptions, read_options
from crmwire_salesforce.sandbox_app.problems import Refused, not_found, not_parsed

ROOT = "/services/data/"
OLDEST, NEWEST = 31, 66


@frozen(kw_only=True)
class Call:
    """A request to one resource. `path` are the decoded segments after the version."""

    method: str
    version: str
    path: tuple[str, ...]
    params: Mapping[str, str] = attrs.field(factory=dict)
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: Any = None

    @property
    def options(self) -> DuplicateOptions:
        header = self.headers.get("sforce-duplicate-rule-header", "")
        assign = self.headers.get("sforce-auto-assign", "")
        return read_options(header, float(self.version), assign)

    def flag(self, name: str) -> bool:
        return self.params.get(name, "").lower() == "true"


@frozen(kw_only=True)
class Answer:
    """What a resource answers; a body of None is an empty one."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = attrs.field(factory=dict)


def read_call(method: str, url: str, headers: Mapping[str, str], body: Any) -> Call:
    """A call from its URL, whose path is still percent-encoded. Raises: Refused."""
    parts = urlsplit(url)
    if not parts.path.startswith(ROOT):
        raise not_found()
    version, *path = (unquote(part) for part in parts.path.removeprefix(ROOT).split("/"))
    number = version.removeprefix("v")
    known = [f"{major}.0" for major in range(OLDEST, NEWEST + 1)]
    if version.startswith("v") and number in (f"{major}.0" for major in range(20, OLDEST)):
        # Guess: the wording; that retired versions answer 410 is documented.
        raise Refused(
            "UNSUPPORTED_API_VERSION", f"The API version {number} was retired.", status=410
        )
    if not version.startswith("v") or number not in known:
        raise not_found()
    return Call(
        method=method.upper(),
        version=number,
        path=tuple(part for part in path if part),
        params=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers=headers,
        body=body,
    )


def read_json(content: bytes) -> Any:
    """A request's body, None if there is none. Raises: Refused."""
    if not content.strip():
        return None
    try:
        return json.loads(content)
    except ValueError as error:
        raise not_parsed(f"Unexpected character: {error}") from None


def wrong_method(call: Call, *allowed: str) -> Refused:
    return Refused(
        "METHOD_NOT_ALLOWED",
        f"HTTP Method '{call.method}' not allowed. Allowed are {','.join(allowed)}",
        status=405,
    )
