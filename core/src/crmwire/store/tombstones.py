"""What stays of people who were forgotten: enough to know their bookings again, and no more.

A booking of a forgotten guest, or a ticket of a forgotten customer, keeps its ids as hashes: an
event about it that comes in later is ignored, and revives nothing. Where somebody was one of
several, the booking goes on without them: a salted hash of the address, kept with it, tells
whom to leave out of what comes in later.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Collection
from typing import Any

import attrs
from sqlite_utils import Database

from crmwire import stored
from crmwire.types import Event

FORGOTTEN = "its person was forgotten"
INSTEAD = "(forgotten)"
_ONE, _SEVERAL = ("guest", "customer"), ("guests", "hosts")


def hashed(feed: int, alias: str) -> str:
    """What is kept of a booking's id in a feed."""
    return "#" + hashlib.sha256(f"{feed}|{alias}".encode()).hexdigest()[:32]


def covers(db: Database, feed: int, event: Event) -> bool:
    """Whether the event is about a booking or ticket whose person was forgotten."""
    ids = [hashed(feed, alias) for alias in (event.subject_id, *event.previous_ids)]
    marks = ", ".join("?" * len(ids))
    return bool(
        db.execute(
            f"SELECT 1 FROM aliases WHERE feed = ? AND alias IN ({marks})", (feed, *ids)
        ).fetchone()
    )


def shell(db: Database, feed: int, event: Event) -> Event:
    """The event without anything of the person; all its ids lead to the forgotten one from now."""
    ids = [hashed(feed, alias) for alias in (event.subject_id, *event.previous_ids)]
    marks = ", ".join("?" * len(ids))
    (subject,) = db.execute(
        f"SELECT subject FROM aliases WHERE feed = ? AND alias IN ({marks})", (feed, *ids)
    ).fetchone()
    for one in ids:
        db.execute("INSERT OR IGNORE INTO aliases VALUES (?, ?, ?, '')", (feed, one, subject))
    return Event(
        type=event.type,
        subject_id=ids[0],
        occurred_at=event.occurred_at,
        version=event.version,
        ignored=FORGOTTEN,
    )


def payload_gone(db: Database, event_id: int) -> bool:
    """Whether of a stored event only the shell is left."""
    row = db.execute("SELECT snapshot IS NULL FROM events WHERE id = ?", (event_id,)).fetchone()
    return bool(row is None or row[0])


def empty_event(db: Database, event_id: int, why: str, subject_id: str | None = None) -> None:
    """Leave of a stored event its kind and its times, and why no more is there."""
    (text,) = db.execute("SELECT event FROM events WHERE id = ?", (event_id,)).fetchone()
    data = json.loads(text)
    kept = {key: data[key] for key in ("type", "occurred_at", "ignored") if key in data}
    kept |= {"subject_id": subject_id or data.get("subject_id", ""), "removed": why}
    db.execute(
        "UPDATE events SET event = ?, snapshot = NULL WHERE id = ?", (json.dumps(kept), event_id)
    )


# ---------------------------------------------------------------- one of several


def remember(db: Database, subject: int, email: str) -> None:
    """Keep that this person is to be left out of what is still told of the subject."""
    salt = secrets.token_bytes(8)
    db.execute("INSERT INTO forgotten VALUES (?, ?, ?)", (subject, salt, _digest(salt, email)))


def without_forgotten(db: Database, subject: int, event: Event) -> Event:
    """The event without those who were forgotten out of this subject."""
    rows = db.execute("SELECT salt, hash FROM forgotten WHERE subject = ?", (subject,)).fetchall()
    if not rows:
        return event
    data = json.loads(stored.dumps(event))

    def forgotten(email: str) -> bool:
        return any(_digest(salt, email) == digest for salt, digest in rows)

    words = take_out(data.get("details", {}), forgotten)
    if not words:
        return event
    made = stored.structure(replaced(data, pattern(words)), Event)
    return attrs.evolve(made, subject_id=event.subject_id, previous_ids=event.previous_ids)


def _digest(salt: bytes, email: str) -> bytes:
    return hashlib.sha256(salt + normal(email).encode()).digest()


def normal(email: str) -> str:
    """An address as it is compared."""
    return email.strip().lower()


# ---------------------------------------------------------------- texts


def is_about(details: dict[str, Any], email: str) -> bool:
    """Whether the person is the one a booking or a ticket is about."""
    return any(_is(details.get(slot), lambda one: one == email) for slot in _ONE)


def _is(person: object, wanted: Callable[[str], bool]) -> bool:
    return isinstance(person, dict) and wanted(normal(str(person.get("email") or "")))


def take_out(details: dict[str, Any], wanted: Callable[[str], bool]) -> set[str]:
    """Take people out of an event's or a subject's details, in place.

    Returns the words that name them: addresses, names and numbers, to be looked for in texts.
    """
    gone = [details.pop(slot) for slot in _ONE if _is(details.get(slot), wanted)]
    for slot in _SEVERAL:
        people = details.get(slot) or []
        gone += [one for one in people if _is(one, wanted)]
        if any(_is(one, wanted) for one in people):
            details[slot] = [one for one in people if not _is(one, wanted)]
    words: set[str] = set()
    for one in gone:
        words |= {str(one[key]).strip() for key in ("email", "full_name", "phone") if one.get(key)}
    return {word for word in words if len(word) >= 4}  # shorter ones stand in other words


def pattern(words: Collection[str]) -> re.Pattern[str]:
    """Finds any of these words, where they stand alone, in whatever case."""
    some = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<![\w.+-])(?:{some})(?![\w-]|\.\w)", re.IGNORECASE)


def mentions(value: Any, words: re.Pattern[str]) -> bool:
    """Whether one of these words stands in any text of plain data."""
    if isinstance(value, str):
        return words.search(value) is not None
    if isinstance(value, dict):
        return any(mentions(key, words) or mentions(part, words) for key, part in value.items())
    return isinstance(value, list) and any(mentions(part, words) for part in value)


def replaced(value: Any, words: re.Pattern[str]) -> Any:
    """Plain data with these words replaced in all its texts."""
    if isinstance(value, str):
        return words.sub(INSTEAD, value)
    if isinstance(value, dict):
        return {words.sub(INSTEAD, key): replaced(part, words) for key, part in value.items()}
    if isinstance(value, list):
        return [replaced(part, words) for part in value]
    return value
