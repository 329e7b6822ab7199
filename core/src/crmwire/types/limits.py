"""A vendor's limits."""

from __future__ import annotations

import attrs
from attrs import frozen


@frozen(kw_only=True)
class Limit:
    """A vendor's limit: `calls` in each window of `seconds`, for requests of that name."""

    name: str
    calls: int = attrs.field(validator=attrs.validators.gt(0))
    seconds: float = attrs.field(validator=attrs.validators.gt(0))


@frozen(kw_only=True)
class LimitState:
    """What an answer's headers tell of a limit; `resets_in` is in seconds, `total` in calls.

    Where the window is `rolling`, `resets_in` is its length: each call leaves it after so long.
    """

    name: str
    remaining: int
    resets_in: float | None = None
    total: int | None = None
    rolling: bool = False
