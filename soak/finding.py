"""What the checker tells."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

Kind = Literal["lost", "doubled", "wrong state", "wrong order", "overwritten", "stray"]


@frozen
class Finding:
    """Something that is not as it was promised."""

    kind: Kind
    account: str
    what: str
