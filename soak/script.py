"""What the source will tell, drawn from a seed: bookings, their events, the order of sending."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import attrs
from attrs import define, field, frozen

from crmwire.demo.bookings import FIRST_START, SampleBooking
from soak.model import FREE_MAIL

LIVES = (
    (("created",), 45),
    (("created", "rescheduled"), 22),
    (("created", "rescheduled", "rescheduled"), 6),
    (("created", "cancelled"), 12),
    (("created", "rescheduled", "cancelled"), 15),
)
KNOWN = 8
"""People who stand in the CRMs from the start."""


@frozen(kw_only=True)
class Posting:
    """One webhook, and what it says."""

    feed: str
    booking: str
    event: int
    kind: str
    email: str
    start: datetime
    occurred_at: datetime
    body: bytes
    again: bool = False

    def facts(self) -> dict[str, object]:
        """What the log keeps of it."""
        return {
            "feed": self.feed,
            "booking": self.booking,
            "event": self.event,
            "kind": self.kind,
            "email": self.email,
            "start": self.start.isoformat(),
            "occurred_at": self.occurred_at.isoformat(),
            "again": self.again,
        }


@define
class _Life:
    postings: list[Posting] = field(factory=list)


def drawn(seed: int, bookings: int, feeds: tuple[str, ...], begin: datetime) -> list[Posting]:
    """All postings in the order of sending. The same seed gives the same bookings and order."""
    dice = random.Random(f"script {seed}")
    lives = [_life(number, dice, feeds, begin) for number in range(bookings)]
    return list(_interleaved(lives, dice))


def crowd(bookings: int, people: int, feeds: tuple[str, ...], begin: datetime) -> list[Posting]:
    """So many bookings of a few people, two of them in each company; each books on all feeds."""
    return [
        _created(number, number // len(feeds) % people, feeds[number % len(feeds)], begin)
        for number in range(bookings)
    ]


def _created(number: int, person: int, feed: str, begin: datetime) -> Posting:
    email = f"regular{person}@crowd{person // 2}.example"
    at = begin + timedelta(seconds=1 + number * 0.01)
    start = FIRST_START + timedelta(minutes=30 * number)
    sample = SampleBooking(
        uid=f"uid-b{number}", email=email, name=f"Guest Regular{person}", start=start,
        notes=f"[b{number}.1]",
    )  # fmt: skip
    return Posting(
        feed=feed, booking=f"b{number}", event=1, kind="created", email=email, start=start,
        occurred_at=at, body=sample.created(at),
    )  # fmt: skip


def known_email(number: int) -> str:
    return f"known{number}@kept{number // 2}.example"


def guest_email(number: int) -> str:
    """Some share a company with those who book next to them, some with many, some have none."""
    if number % 5 == 4:
        return f"soak.guest{number}@{FREE_MAIL[number % 2]}"
    domain = f"large{number % 3}.example" if number % 5 == 3 else f"team{number // 5}.example"
    return f"guest{number}@{domain}"


def _life(number: int, dice: random.Random, feeds: tuple[str, ...], begin: datetime) -> _Life:
    name = f"b{number}"
    email = _email(number, dice)
    kinds = dice.choices([kinds for kinds, _ in LIVES], [weight for _, weight in LIVES])[0]
    feed = dice.choice(feeds)
    occurred = begin + timedelta(seconds=1 + number * 0.01)
    start = FIRST_START + timedelta(minutes=30 * number)
    uid = f"uid-{name}"
    postings = []
    for event, kind in enumerate(kinds, start=1):
        booking = SampleBooking(
            uid=uid,
            email=_spelt(email, dice),
            name=f"Guest {email.partition('@')[0].title()}",
            start=start,
            notes=f"[{name}.{event}]",
        )
        at = occurred + timedelta(seconds=event)
        if kind == "created":
            body = booking.created(at)
        elif kind == "rescheduled":
            start += timedelta(days=dice.randrange(300, 900))
            uid = f"{uid}-moved"
            body = booking.rescheduled(at, to=start, uid=uid)
        else:
            body = booking.cancelled(at, start=start, uid=uid)
        postings.append(
            Posting(
                feed=feed, booking=name, event=event, kind=kind, email=email, start=start,
                occurred_at=at, body=body,
            )
        )  # fmt: skip
    if len(postings) > 1 and dice.random() < 0.15:
        dice.shuffle(postings)
    return _Life([*_with_repeats(postings, dice)])


def _email(number: int, dice: random.Random) -> str:
    luck = dice.random()
    if luck < 0.1:
        return known_email(dice.randrange(KNOWN))
    if luck < 0.2:
        regular = dice.randrange(3)
        return f"regular{regular}@large{regular}.example"
    if luck < 0.35 and number:
        return guest_email(dice.randrange(number))
    return guest_email(number)


def _spelt(email: str, dice: random.Random) -> str:
    return dice.choice((email, email, email, email.upper(), f" {email.capitalize()} "))


def _with_repeats(postings: list[Posting], dice: random.Random) -> Iterator[Posting]:
    """Now and then the source sends something again, at once or much later."""
    later = []
    for one in postings:
        yield one
        luck = dice.random()
        if luck < 0.05:
            yield _again(one)
        elif luck < 0.1:
            later.append(_again(one))
    yield from later


def _again(one: Posting) -> Posting:
    return attrs.evolve(one, again=True)


def _interleaved(lives: list[_Life], dice: random.Random) -> Iterator[Posting]:
    """About twenty bookings go on at once."""
    waiting = lives[::-1]
    going: list[_Life] = []
    while waiting or going:
        while waiting and len(going) < 20:
            going.append(waiting.pop())
        one = dice.choice(going)
        yield one.postings.pop(0)
        if not one.postings:
            going.remove(one)
