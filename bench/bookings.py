"""The bookings that are carried: each by a person whom no other booking is about.

A script's process imports nothing of crmwire.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from crmwire.demo.bookings import SampleBooking

FIRST = datetime(2027, 3, 2, 9, 0, tzinfo=UTC)


class Booking(NamedTuple):
    """What a script is told."""

    uid: str
    email: str
    name: str
    start: datetime


def told(number: int) -> Booking:
    """The booking of that number."""
    return Booking(
        uid=f"bk-{number}",
        email=f"guest{number}@example.com",
        name=f"Guest Number{number}",
        start=FIRST + timedelta(minutes=30 * number),
    )


def booking(number: int) -> SampleBooking:
    """The same, as the source sends it to crmwire."""
    from crmwire.demo.bookings import SampleBooking

    return SampleBooking(**told(number)._asdict())
