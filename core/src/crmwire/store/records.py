"""The CRM's records that are remembered: as links of subjects, and as created lately."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from sqlite_utils import Database

from crmwire.types import Link

REMEMBERED_FOR = 24 * 3600.0
"""Seconds for which a record that crmwire created is found though a look-up misses it."""
Owner = tuple[int, int, str, str]
"""Whose record it is: connection, subject, role, item."""


@frozen(kw_only=True)
class Created:
    """A record that a write made, remembered by the key it was written under."""

    type: str
    key: str
    value: str
    record: str


def place_link(
    db: Database,
    subject: int,
    connection: int,
    role: str,
    item: str,
    type_: str,
    record: str,
    version: int,
    url: str | None,
    retired: int = 0,
) -> None:
    """Store a link; where another record has its place, the newer version keeps it.

    The older one of two activities is kept as retired: its record is still to be marked. People
    and companies are never retired. No record is retired and in its place at the same time.
    """
    new = (type_, record, version, url)
    if retired:
        if not _stands(db, connection, subject, role, item.removesuffix(f"~{record}"), record):
            _put_link(db, connection, subject, role, item, new, retired)
        return
    old = db.execute(
        "SELECT type, record, version, url FROM links"
        " WHERE connection = ? AND subject = ? AND role = ? AND item = ?",
        (connection, subject, role, item),
    ).fetchone()
    if old is not None and (old[0], old[1]) != (type_, record):
        old = tuple(old)
        loser, new = (old, new) if old[2] <= version else (new, old)
        if role not in ("person", "company"):
            _put_link(db, connection, subject, role, f"{item}~{loser[1]}", loser, 1)
    _put_link(db, connection, subject, role, item, new, 0)
    db.execute(
        "DELETE FROM links WHERE connection = ? AND subject = ? AND role = ? AND item = ?"
        " AND retired = 1",
        (connection, subject, role, f"{item}~{new[1]}"),
    )


def _stands(db: Database, connection: int, subject: int, role: str, item: str, record: str) -> bool:
    """Whether this record has its place, not retired."""
    return bool(
        db.execute(
            "SELECT 1 FROM links WHERE connection = ? AND subject = ? AND role = ? AND item = ?"
            " AND record = ? AND retired = 0",
            (connection, subject, role, item, record),
        ).fetchone()
    )


def _put_link(
    db: Database,
    connection: int,
    subject: int,
    role: str,
    item: str,
    link: tuple[str, str, int, str | None],
    retired: int,
) -> None:
    db.execute(
        "INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (connection, subject, role, item, *link, retired),
    )


def links_of(db: Database, connection: int, subjects: Sequence[int]) -> dict[int, list[Link]]:
    """What is linked to each of these subjects."""
    found: dict[int, list[Link]] = {}
    for row in db.execute(
        "SELECT subject, role, item, type, record, version, url, retired FROM links"
        f" WHERE connection = ? AND subject IN ({', '.join('?' * len(subjects))})",
        (connection, *subjects),
    ).fetchall():
        found.setdefault(row[0], []).append(
            Link(
                role=row[1],
                item=row[2],
                type=row[3],
                record=row[4],
                version=row[5],
                url=row[6],
                retired=bool(row[7]),
            )
        )
    return found


def linked(
    db: Database, lane: str, records: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], list[Owner]]:
    """Who of the lane's connections is linked to these (type, record) pairs."""
    found: dict[tuple[str, str], list[Owner]] = {}
    for type_, record in records:
        for row in db.execute(
            "SELECT l.connection, l.subject, l.role, l.item FROM connections c JOIN links l"
            " ON l.connection = c.id WHERE c.lane = ? AND l.type = ? AND l.record = ?",
            (lane, type_, record),
        ).fetchall():
            found.setdefault((type_, record), []).append(tuple(row))
    return found


def remember(db: Database, lane: str, created: Sequence[Created], now: float) -> None:
    """Keep the records that writes made."""
    for one in created:
        db.execute(
            "INSERT OR REPLACE INTO created VALUES (?, ?, ?, ?, ?, ?)",
            (lane, one.type, one.key, one.value, one.record, now),
        )


def remembered(
    db: Database, lane: str, keys: Sequence[tuple[str, str, str]], now: float
) -> dict[tuple[str, str, str], str]:
    """Records that crmwire created lately, by (type, key, value)."""
    found = {}
    for type_, key, value in keys:
        row = db.execute(
            "SELECT record FROM created WHERE lane = ? AND type = ? AND key = ? AND value = ?"
            " AND at > ?",
            (lane, type_, key, value, now - REMEMBERED_FOR),
        ).fetchone()
        if row:
            found[(type_, key, value)] = row[0]
    return found


def forget_record(db: Database, lane: str, type_: str, record: str) -> None:
    """Forget a record that the CRM says is not there: as created, and as a person's link."""
    db.execute(
        "DELETE FROM created WHERE lane = ? AND type = ? AND record = ?", (lane, type_, record)
    )
    db.execute(
        "DELETE FROM links WHERE type = ? AND record = ? AND connection IN"
        " (SELECT id FROM connections WHERE lane = ?)",
        (type_, record, lane),
    )
