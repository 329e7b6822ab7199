"""Whether something that is stored names a person: texts, JSON, rows of a table in chunks."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from sqlite_utils import Database

from crmwire.store import tombstones

CHUNK = 1000


def chunks(
    db: Database, table: str, columns: str, key: str = "id"
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a table some at a time, by `key`, which stands first in each."""
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


def needles(email: str) -> tuple[str, ...]:
    """An address as it may stand in JSON."""
    return tuple(
        {email, json.dumps(email)[1:-1].lower(), json.dumps(email, ensure_ascii=False)[1:-1]}
    )


def holds(needles: Collection[str], *texts: object) -> bool:
    """Whether one of these texts has a needle in it, in whatever case."""
    for text in texts:
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        if isinstance(text, str) and any(needle in text.lower() for needle in needles):
            return True
    return False


def names(email: str, pattern: re.Pattern[str], *values: object) -> bool:
    """Whether a value of a column names the person, and not only somebody with a longer address."""
    return any(
        holds(needles(email), value) and tombstones.mentions(plain(value), pattern)
        for value in values
    )


def plain(value: object) -> Any:
    """What stands in a column, as data: JSON is read; of what is broken, escapes are left out."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    try:
        return json.loads(text)
    except ValueError:
        return re.sub(r"\\[nrt]", " ", text)
