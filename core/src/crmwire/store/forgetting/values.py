"""What a search for a person came to, and what was removed of them."""

from __future__ import annotations

from attrs import define, field


@define(kw_only=True)
class Found:
    """Where a person is. `about`: the subjects that are theirs; `among`: those of others."""

    about: set[int] = field(factory=set)
    among: set[int] = field(factory=set)
    events: set[int] = field(factory=set)
    """Events without a subject, of a kind that is not carried."""


@define(kw_only=True)
class Removed:
    """How much was removed."""

    subjects: int = 0
    among: int = 0
    events: int = 0
    deliveries: int = 0
    waiting: int = 0
    links: int = 0
    webhooks: int = 0
    others: int = 0
    records: set[tuple[str, str, str, str]] = field(factory=set)
    """Connection, type, record and address of the person's records, which stay in the CRM."""
