"""How a sandbox is set up."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from attrs import frozen


@frozen(kw_only=True)
class SandboxSettings:
    """How a sandbox is set up: one account for each token.

    `latency` is in seconds. `options` are the vendor's own switches, as text, named in the
    plugin's documentation; all have `client_id`, `client_secret` (of the app that may log in) and
    `rotation` (`yes`: each refresh gives another refresh token).
    """

    tokens: tuple[str, ...] = ("sandbox",)
    latency: float = 0.0
    seed: int = 0
    options: Mapping[str, str] = attrs.field(factory=dict)
    asked: set[str] = attrs.field(factory=set, init=False, eq=False, repr=False)
    """The names of the options that this vendor's sandbox looked for."""

    def option(self, name: str, default: str) -> str:
        self.asked.add(name)
        return self.options.get(name, default)
