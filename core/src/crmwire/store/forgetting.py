"""Removing a person from all that is stored: looked for in chunks, removed bit by bit."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from attrs import define, field
from sqlite_utils import Database

from crmwire.store import tombstones
from crmwire.store.states import DISMISSED, HELD, READY, WORKING, add_history, count

CHUNK = 1000

TEXTS = (
    ("connections", "problem"),
    ("connections", "remedy"),
    ("lanes", "reason"),
    ("logins", "problem"),
    ("polls", "problem"),
    ("polls", "remedy"),
    ("alert_targets", "problem"),
    ("notices", "title"),
    ("notices", "body"),
    ("notices", "data"),
    ("notices", "problem"),
    ("checks", "findings"),
)
"""Texts for people, in which a vendor's message may name somebody."""


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


def _chunks(
    db: Database, table: str, columns: str, key: str = "id"
) -> Iterator[list[tuple[Any, ...]]]:
    last: Any = -1
    while True:
        rows = db.execute(
            f"SELECT {key}, {columns} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT {CHUNK}",
            (last,),
        ).fetchall()
        if not rows:
            return
        last = rows[-1][0]
        yield rows


def _holds(needles: Collection[str], *texts: object) -> bool:
    for text in texts:
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        if isinstance(text, str) and any(needle in text.lower() for needle in needles):
            return True
    return False


def needles(email: str) -> tuple[str, ...]:
    """An address as it may stand in JSON."""
    return tuple(
        {email, json.dumps(email)[1:-1].lower(), json.dumps(email, ensure_ascii=False)[1:-1]}
    )


def find(db: Database, email: str) -> Found:
    """All events and subjects that name the person."""
    found, words, pattern = Found(), needles(email), tombstones.pattern([email])
    for rows in _chunks(db, "events", "subject, event, snapshot"):
        for id_, subject, event, snapshot in rows:
            if not _holds(words, event, snapshot):
                continue
            if not any(
                tombstones.mentions(json.loads(one or "0"), pattern) for one in (event, snapshot)
            ):
                continue  # it is part of another address
            if subject is None:
                found.events.add(id_)
            else:
                _sort(found, subject, email, _details(event), _details(snapshot))
    for rows in _chunks(db, "subjects", "details, merged_into"):
        for id_, details, merged_into in rows:
            if _holds(words, details) and tombstones.mentions(json.loads(details), pattern):
                root = id_ if merged_into is None else _root(db, merged_into)
                _sort(found, root, email, json.loads(details))
    found.among -= found.about
    return found


def _root(db: Database, subject: int) -> int:
    """The subject that this one was merged into, at last."""
    while row := db.execute(
        "SELECT merged_into FROM subjects WHERE id = ? AND merged_into IS NOT NULL", (subject,)
    ).fetchone():
        subject = row[0]
    return subject


_FAMILY = (
    "WITH RECURSIVE family (id) AS (SELECT ? UNION SELECT s.id FROM subjects s"
    " JOIN family f ON s.merged_into = f.id) "
)
"""A subject and all that were merged into it."""


def _details(text: str | None) -> dict[str, Any]:
    details: dict[str, Any] = json.loads(text).get("details", {}) if text else {}
    return details


def _sort(found: Found, subject: int, email: str, *details: dict[str, Any]) -> None:
    theirs = any(tombstones.is_about(one, email) for one in details)
    (found.about if theirs else found.among).add(subject)


# ---------------------------------------------------------------- what is theirs


def forget_subject(db: Database, subject: int, email: str, by: str, now: float) -> Removed | None:
    """Leave of a booking or a ticket its hashed ids; None if a delivery is being worked on."""
    if _is_working(db, subject):
        return None
    removed = Removed(subjects=1)
    feed = db.execute("SELECT feed FROM subjects WHERE id = ?", (subject,)).fetchone()[0]
    removed.records = _records(db, subject)
    _forget_created(db, email, removed.records)
    removed.links = db.execute("DELETE FROM links WHERE subject = ?", (subject,)).rowcount
    for (alias,) in db.execute(
        "SELECT alias FROM aliases WHERE subject = ? AND substr(alias, 1, 1) != '#'", (subject,)
    ).fetchall():
        db.execute("DELETE FROM aliases WHERE feed = ? AND alias = ?", (feed, alias))
        db.execute("DELETE FROM halves WHERE feed = ? AND alias = ?", (feed, alias))
        db.execute(
            "INSERT OR REPLACE INTO aliases VALUES (?, ?, ?, 'cancelled')",
            (feed, tombstones.hashed(feed, alias), subject),
        )
    for id_, current in db.execute(
        f"{_FAMILY} SELECT id, current FROM subjects WHERE id IN family", (subject,)
    ).fetchall():
        db.execute(
            "UPDATE subjects SET details = '{}', status = 'cancelled', current = ? WHERE id = ?",
            (current if current.startswith("#") else tombstones.hashed(feed, current), id_),
        )
    db.execute("DELETE FROM forgotten WHERE subject = ?", (subject,))
    for id_, text in db.execute(
        "SELECT id, event FROM events WHERE subject = ?", (subject,)
    ).fetchall():
        data = json.loads(text)
        if data.get("removed") != tombstones.FORGOTTEN:
            alias = tombstones.hashed(feed, data.get("subject_id", ""))
            tombstones.empty_event(db, id_, tombstones.FORGOTTEN, alias)
            removed.events += 1
    for id_, connection, state in db.execute(
        "SELECT id, connection, state FROM deliveries WHERE subject = ?", (subject,)
    ).fetchall():
        removed.deliveries += 1
        if state in (READY, HELD):
            removed.waiting += 1
            count(db, connection, DISMISSED, 1)
            state = DISMISSED
        db.execute(
            "UPDATE deliveries SET state = ?, attempt = NULL, attempt_open = 0, again = 0,"
            " chosen = NULL, reason = ?, remedy = NULL, code = NULL, changed_at = ? WHERE id = ?",
            (state, tombstones.FORGOTTEN, now, id_),
        )
        db.execute("DELETE FROM history WHERE delivery = ?", (id_,))
        add_history(db, id_, "forgotten", {"by": by}, now)
    return removed


def _is_working(db: Database, subject: int) -> bool:
    return bool(
        db.execute(
            "SELECT 1 FROM deliveries WHERE subject = ? AND state = ?", (subject, WORKING)
        ).fetchone()
    )


def _records(db: Database, subject: int) -> set[tuple[str, str, str, str]]:
    rows = db.execute(
        "SELECT c.name, l.type, l.record, coalesce(l.url, '') FROM links l"
        " JOIN connections c ON c.id = l.connection"
        " WHERE l.subject = ? AND l.role = 'person' AND l.item = ''",
        (subject,),
    ).fetchall()
    return {(row[0], row[1], row[2], row[3]) for row in rows}


def _forget_created(
    db: Database, email: str, records: Collection[tuple[str, str, str, str]]
) -> None:
    """Forget that crmwire made the person's record lately."""
    for connection, type_, record, _ in records:
        db.execute(
            "DELETE FROM created WHERE type = ? AND record = ? AND lane ="
            " (SELECT lane FROM connections WHERE name = ?)",
            (type_, record, connection),
        )
    db.execute("DELETE FROM created WHERE lower(value) = ?", (email,))


# ---------------------------------------------------------------- what is others'


def take_out_of_subject(db: Database, subject: int, email: str) -> bool | None:
    """Take the person out of a booking of others; None if a delivery is being worked on.

    Their own records made for it are no longer linked, and they are left out of what comes later.
    """
    if _is_working(db, subject):
        return None
    words = {email}
    events = db.execute(
        "SELECT id, event, snapshot FROM events WHERE subject = ?", (subject,)
    ).fetchall()
    subjects = db.execute(
        f"{_FAMILY} SELECT id, details FROM subjects WHERE id IN family", (subject,)
    ).fetchall()
    read = [
        (id_, json.loads(event), json.loads(old) if old else None) for id_, event, old in events
    ]
    states = [(id_, json.loads(details)) for id_, details in subjects]

    def theirs(one: str) -> bool:
        return one == email

    for _, event, snapshot in read:
        words |= tombstones.take_out(event.get("details", {}), theirs)
        words |= tombstones.take_out((snapshot or {}).get("details", {}), theirs)
    for _, details in states:
        words |= tombstones.take_out(details, theirs)
    pattern = tombstones.pattern(words)
    for id_, event, snapshot in read:
        db.execute(
            "UPDATE events SET event = ?, snapshot = ? WHERE id = ?",
            (
                _json(tombstones.replaced(event, pattern)),
                _json(tombstones.replaced(snapshot, pattern)),
                id_,
            ),
        )
    for id_, details in states:
        db.execute(
            "UPDATE subjects SET details = ? WHERE id = ?",
            (_json(tombstones.replaced(details, pattern)), id_),
        )
    ids = [row[0] for row in db.execute("SELECT id FROM deliveries WHERE subject = ?", (subject,))]
    for id_ in ids:
        scrub_delivery(db, id_, words)
    for item in db.execute(
        "SELECT DISTINCT item FROM links WHERE subject = ? AND item != ''", (subject,)
    ).fetchall():
        if pattern.search(item[0]):
            db.execute("DELETE FROM links WHERE subject = ? AND item = ?", (subject, item[0]))
    tombstones.remember(db, subject, email)
    return True


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def scrub_delivery(db: Database, id_: int, words: Collection[str]) -> bool:
    """Replace words in what is kept of a delivery's attempts and history; whether any was there."""
    pattern = tombstones.pattern(words)
    attempt, reason, remedy, chosen = db.execute(
        "SELECT attempt, reason, remedy, chosen FROM deliveries WHERE id = ?", (id_,)
    ).fetchone()
    texts = (json.loads(attempt or "null"), reason, remedy, json.loads(chosen or "null"))
    found = tombstones.mentions(list(texts), pattern)
    if found:
        new_attempt, reason, remedy, new_chosen = tombstones.replaced(list(texts), pattern)
        db.execute(
            "UPDATE deliveries SET attempt = ?, reason = ?, remedy = ?, chosen = ? WHERE id = ?",
            (_json(new_attempt), reason, remedy, _json(new_chosen), id_),
        )
    for line, detail in db.execute(
        "SELECT id, detail FROM history WHERE delivery = ?", (id_,)
    ).fetchall():
        data = json.loads(detail)
        if tombstones.mentions(data, pattern):
            found = True
            new = _json(tombstones.replaced(data, pattern))
            db.execute("UPDATE history SET detail = ? WHERE id = ?", (new, line))
    return found


def naming_deliveries(db: Database, email: str) -> list[int]:
    """Deliveries that name the person in what is kept of their attempts and history."""
    words, found = needles(email), set[int]()
    for rows in _chunks(db, "deliveries", "attempt, reason, remedy, chosen"):
        found |= {row[0] for row in rows if _holds(words, *row[1:])}
    for rows in _chunks(db, "history", "delivery, detail"):
        found |= {row[1] for row in rows if _holds(words, row[2])}
    return sorted(found)


def forget_elsewhere(db: Database, email: str, events: Sequence[int]) -> Removed:
    """Remove the person from what belongs to no booking: odd webhooks, caches, texts."""
    removed, pattern = Removed(), tombstones.pattern([email])
    for id_ in events:
        tombstones.empty_event(db, id_, tombstones.FORGOTTEN, "#")
        removed.events += 1
    for id_, body, reason in db.execute("SELECT id, body, reason FROM unreadable").fetchall():
        if _names(email, pattern, body, reason):
            db.execute("DELETE FROM unreadable WHERE id = ?", (id_,))
            removed.webhooks += 1
    _forget_created(db, email, ())
    for connection, key, value in db.execute("SELECT connection, key, value FROM cache").fetchall():
        if _names(email, pattern, key, value):
            db.execute("DELETE FROM cache WHERE connection = ? AND key = ?", (connection, key))
            removed.others += 1
    for table, column in TEXTS:
        for (text,) in db.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall():
            if _names(email, pattern, text):
                data = _plain(text)
                new = tombstones.replaced(data, pattern)
                db.execute(
                    f"UPDATE {table} SET {column} = ? WHERE {column} = ?",
                    (new if isinstance(new, str) else _json(new), text),
                )
                removed.others += 1
    return removed


def still_naming(db: Database, email: str) -> list[str]:
    """Where the address still stands: in what people set up, which is theirs to change."""
    found, pattern = [], tombstones.pattern([email])
    for table in db.table_names():
        if table in ("secrets", "events", "deliveries", "history") or table.startswith("sqlite_"):
            continue
        columns = [column.name for column in db[table].columns]
        name = "name" if "name" in columns else columns[0]
        for row in db.execute(
            f"SELECT {name}, {', '.join(f'[{column}]' for column in columns)} FROM [{table}]"
        ):
            found += [
                f"{table.removesuffix('s')} {row[0]}: {column}"
                for column, value in zip(columns, row[1:], strict=True)
                if _names(email, pattern, value)
            ]
    return found


def _names(email: str, pattern: re.Pattern[str], *values: object) -> bool:
    """Whether a value of a column names the person, and not only somebody with a longer address."""
    return any(
        _holds(needles(email), value) and tombstones.mentions(_plain(value), pattern)
        for value in values
    )


def _plain(value: object) -> Any:
    """What stands in a column, as data: JSON is read; of what is broken, escapes are left out."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    try:
        return json.loads(text)
    except ValueError:
        return re.sub(r"\\[nrt]", " ", text)
