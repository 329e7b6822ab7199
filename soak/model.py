"""What must stand in the CRMs, worked out from the acknowledged webhooks alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from attrs import define, field, frozen

FREE_MAIL = ("gmail.com", "outlook.com")
"""Domains of addresses that tell no company; guests have no others of this kind."""


def company_of(email: str) -> str | None:
    """The domain of the company that an address tells, None if it tells none."""
    domain = email.rpartition("@")[2].lower()
    return None if domain in FREE_MAIL else domain


@frozen(kw_only=True)
class Told:
    """One event that the source was acknowledged."""

    event: int
    kind: str
    start: datetime
    occurred_at: datetime


@define(kw_only=True)
class Expected:
    """A booking as the source knows it: its events in the order they were acknowledged first."""

    name: str
    feed: str
    email: str
    told: list[Told] = field(factory=list)

    @property
    def in_order(self) -> bool:
        return self.told == self.by_time

    @property
    def by_time(self) -> list[Told]:
        return sorted(self.told, key=lambda one: one.occurred_at)

    @property
    def cancelled(self) -> bool:
        return any(one.kind == "cancelled" for one in self.told)

    @property
    def start(self) -> datetime:
        return self.by_time[-1].start

    @property
    def must_stand(self) -> bool:
        """A cancelled booking of which the end was told first need not be written at all."""
        first = self.told[0].kind
        return not self.cancelled or (self.in_order and first != "cancelled")


def expected(log: Path) -> dict[str, Expected]:
    """The bookings of a webhook log, by name; what was never acknowledged does not count."""
    lines = (json.loads(line) for line in log.read_text().splitlines() if line.endswith("}"))
    return of_lines(line for line in lines if line["status"] in (200, 202))


def of_lines(lines: Iterable[dict]) -> dict[str, Expected]:  # type: ignore[type-arg]
    """The bookings of acknowledged lines, by name."""
    found: dict[str, Expected] = {}
    for line in lines:
        one = found.setdefault(
            line["booking"],
            Expected(name=line["booking"], feed=line["feed"], email=line["email"]),
        )
        told = Told(
            event=line["event"],
            kind=line["kind"],
            start=datetime.fromisoformat(line["start"]),
            occurred_at=datetime.fromisoformat(line["occurred_at"]),
        )
        if told not in one.told:
            one.told.append(told)
    return found
