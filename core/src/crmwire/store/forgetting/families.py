"""A subject with all that were merged into it, and whether it is being worked on."""

from __future__ import annotations

from sqlite_utils import Database

from crmwire.store.states import WORKING

FAMILY = (
    "WITH RECURSIVE family (id) AS (SELECT ? UNION SELECT s.id FROM subjects s"
    " JOIN family f ON s.merged_into = f.id) "
)
"""A subject and all that were merged into it."""


def root_of(db: Database, subject: int) -> int:
    """The subject that this one was merged into, at last."""
    while row := db.execute(
        "SELECT merged_into FROM subjects WHERE id = ? AND merged_into IS NOT NULL", (subject,)
    ).fetchone():
        subject = row[0]
    return subject


def is_working(db: Database, subject: int) -> bool:
    """Whether a delivery of the subject is being worked on."""
    return bool(
        db.execute(
            "SELECT 1 FROM deliveries WHERE subject = ? AND state = ?", (subject, WORKING)
        ).fetchone()
    )
