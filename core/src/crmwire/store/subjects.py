"""What is known of subjects, for people and tests."""

from __future__ import annotations

from sqlite_utils import Database

from crmwire import stored
from crmwire.types import Subject
from crmwire.vocabulary import Details


def of_feed(db: Database, feed: int) -> list[Subject]:
    """The subjects of a feed that were not merged into another, oldest first; without links."""
    rows = db.execute(
        "SELECT s.id, f.name, s.status, s.version, s.details FROM subjects s"
        " JOIN feeds f ON f.id = s.feed WHERE s.feed = ? AND s.merged_into IS NULL ORDER BY s.id",
        (feed,),
    ).fetchall()
    return [
        Subject(
            id=row[0],
            feed=row[1],
            status=row[2],
            version=row[3],
            details=stored.loads(row[4], Details),
        )
        for row in rows
    ]
