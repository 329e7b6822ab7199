"""The questions that were answered on each page, so that mapping rows can be offered for them.

Only keys, labels and types are kept here: what was answered stands in the events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from sqlite_utils import Database

if TYPE_CHECKING:
    from crmwire.vocabulary import Details

MOST = 300
"""Questions that are kept of one page: a source may put anything into its keys."""
LONGEST = 200
"""Letters of a key or label that are kept."""


@frozen(kw_only=True)
class Question:
    """One question of a page; `seen` counts its answers, `last_at` is in seconds since 1970."""

    page: str
    key: str
    label: str | None
    type: str | None
    seen: int
    last_at: float


def note(db: Database, feed: int, told: Details, known: Details, at: float) -> None:
    """Remember the questions that an event answers, on the page that it is of."""
    page = known.page.id if known.page and known.page.id else ""
    for answer in told.answers:
        if len(answer.key) > LONGEST:
            continue
        label = answer.label[:LONGEST] if answer.label else None
        changed = db.execute(
            "UPDATE questions SET label = coalesce(?, label), type = coalesce(?, type),"
            " seen = seen + 1, last_at = max(last_at, ?)"
            " WHERE feed = ? AND page = ? AND key = ? RETURNING seen",
            (label, answer.type, at, feed, page, answer.key),
        ).fetchone()
        if changed is None:
            db.execute(
                "INSERT INTO questions SELECT ?, ?, ?, ?, ?, 1, ?"
                " WHERE (SELECT count(*) FROM questions WHERE feed = ? AND page = ?) < ?",
                (feed, page, answer.key, label, answer.type, at, feed, page, MOST),
            )


def of_page(db: Database, feed: int, page: str | None) -> list[Question]:
    """The questions of one page, or of all pages; those answered most come first."""
    rows = db.execute(
        "SELECT page, key, label, type, seen, last_at FROM questions WHERE feed = ?"
        " AND (? IS NULL OR page = ?) ORDER BY page, seen DESC, key",
        (feed, page, page),
    ).fetchall()
    return [
        Question(page=row[0], key=row[1], label=row[2], type=row[3], seen=row[4], last_at=row[5])
        for row in rows
    ]
