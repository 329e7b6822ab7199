"""What became of a record that cannot be referred to any more: merged, converted, or gone.

A merge leaves the losing row deleted with `MasterRecordId`, seen by `queryAll`; a conversion
leaves the lead read-only with `ConvertedContactId` (Object Reference, Lead and Contact, read
2026-11).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from crmwire.errors import Failure
from crmwire_salesforce import soql
from crmwire_salesforce.api import run_queries
from crmwire_salesforce.errors import TYPES
from crmwire_salesforce.kept import keep, peek

if TYPE_CHECKING:
    from crmwire.connections import Connection

KEPT_FOR = 24 * 3600.0
GONE_FOR = 300.0
"""Seconds; short, since a record may be taken out of the recycle bin."""
STEPS = 4
"""How often a record is followed: a lead converted to a contact that was merged, and so on."""


def type_of(id_: str) -> str | None:
    """The object type of a record id, of those that may have a successor."""
    return TYPES.get(id_[:3])


def known_successor(conn: Connection, id_: str) -> str:
    """The record that this one is known to have become, itself if nothing is known. No call."""
    kept = peek(conn, f"moved:{id_[:15]}")
    return kept if isinstance(kept, str) else id_


def is_known_gone(conn: Connection, id_: str) -> bool:
    """Whether a reference to this record failed lately, since it is gone for good. No call."""
    return peek(conn, f"gone:{id_[:15]}") is True


def successors(conn: Connection, ids: Iterable[str]) -> dict[str, str | None]:
    """For each id: itself if its record is there, what it has become, None if it is gone.

    Raises: Failure.
    """
    now: dict[str, str | None] = {id_: id_ for id_ in ids if type_of(id_)}
    asked: set[str] = set()
    for _ in range(STEPS):
        open_ = sorted({id_ for id_ in now.values() if id_} - asked)
        if not open_:
            break
        asked |= set(open_)
        became = _step(conn, open_)
        now = {first: became.get(id_, id_) if id_ else None for first, id_ in now.items()}
    for first, last in now.items():
        if last is None:
            keep(conn, f"gone:{first[:15]}", GONE_FOR, True)
        elif last != first:
            keep(conn, f"moved:{first[:15]}", KEPT_FOR, last)
    return now


def _step(conn: Connection, ids: list[str]) -> dict[str, str | None]:
    """What each of these records has become in one step."""
    by_type: dict[str, list[str]] = {}
    for id_ in ids:
        by_type.setdefault(TYPES[id_[:3]], []).append(id_)
    statements = [
        soql.select(_columns(type_), type_, soql.among("Id", [soql.quoted(i[:15]) for i in some]))
        for type_, some in by_type.items()
    ]
    became: dict[str, str | None] = dict.fromkeys(ids)
    for rows in run_queries(conn, statements, deleted=True):
        if isinstance(rows, Failure):
            raise rows
        for row in rows:
            for id_ in ids:
                if id_[:15] == str(row["Id"])[:15]:
                    became[id_] = _successor(id_, row)
    return became


def _columns(type_: str) -> tuple[str, ...]:
    more = ("IsConverted", "ConvertedContactId") if type_ == "Lead" else ()
    return ("Id", "IsDeleted", "MasterRecordId", *more)


def _successor(id_: str, row: Mapping[str, object]) -> str | None:
    if row.get("IsDeleted"):
        return str(row["MasterRecordId"]) if row.get("MasterRecordId") else None
    if row.get("IsConverted"):
        return str(row["ConvertedContactId"]) if row.get("ConvertedContactId") else None
    return id_
