"""Where a person is named in what is stored. Everything is read, and nothing changed."""

from __future__ import annotations

import json
from typing import Any

from sqlite_utils import Database

from crmwire.store import tombstones
from crmwire.store.forgetting.families import root_of
from crmwire.store.forgetting.naming import chunks, holds, names, needles
from crmwire.store.forgetting.values import Found


def find(db: Database, email: str) -> Found:
    """All events and subjects that name the person."""
    found, words, pattern = Found(), needles(email), tombstones.pattern([email])
    for rows in chunks(db, "events", "subject, event, snapshot"):
        for id_, subject, event, snapshot in rows:
            if not holds(words, event, snapshot):
                continue
            if not any(
                tombstones.mentions(json.loads(one or "0"), pattern) for one in (event, snapshot)
            ):
                continue  # it is part of another address
            if subject is None:
                found.events.add(id_)
            else:
                _sort(found, subject, email, _details(event), _details(snapshot))
    for rows in chunks(db, "subjects", "details, merged_into"):
        for id_, details, merged_into in rows:
            if holds(words, details) and tombstones.mentions(json.loads(details), pattern):
                root = id_ if merged_into is None else root_of(db, merged_into)
                _sort(found, root, email, json.loads(details))
    found.among -= found.about
    return found


def _details(text: str | None) -> dict[str, Any]:
    details: dict[str, Any] = json.loads(text).get("details", {}) if text else {}
    return details


def _sort(found: Found, subject: int, email: str, *details: dict[str, Any]) -> None:
    theirs = any(tombstones.is_about(one, email) for one in details)
    (found.about if theirs else found.among).add(subject)


def naming_deliveries(db: Database, email: str) -> list[int]:
    """Deliveries that name the person in what is kept of their attempts and history."""
    words, found = needles(email), set[int]()
    for rows in chunks(db, "deliveries", "attempt, reason, remedy, chosen"):
        found |= {row[0] for row in rows if holds(words, *row[1:])}
    for rows in chunks(db, "history", "delivery, detail"):
        found |= {row[1] for row in rows if holds(words, row[2])}
    return sorted(found)


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
                if names(email, pattern, value)
            ]
    return found
