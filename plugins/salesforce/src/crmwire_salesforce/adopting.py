"""Activities that another tool made: of the same person, at the same start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from crmwire.errors import Failure
from crmwire.types import Record, Write
from crmwire_salesforce import soql
from crmwire_salesforce.api import run_queries
from crmwire_salesforce.records import ALWAYS_READ, as_record
from crmwire_salesforce.values import is_id, outgoing, read_datetime, same_id

if TYPE_CHECKING:
    from crmwire.connections import Connection

STARTS: Mapping[str, tuple[str, ...]] = {
    "Event": ("StartDateTime", "ActivityDateTime", "ActivityDate"),
    "Task": ("ActivityDate",),
}
"""The fields that say when an activity is; the first that a write has counts."""


def find_adoptable(conn: Connection, writes: Sequence[Write]) -> list[Sequence[Record] | Failure]:
    """What stands in the org for each write, whoever made it, oldest first."""
    groups: dict[tuple[str, str], list[tuple[Write, str]]] = {}
    for write in writes:
        who, start = write.fields.get("WhoId"), _start_field(write)
        if isinstance(who, str) and is_id(who) and start is not None:
            groups.setdefault((write.type, start), []).append((write, who))
    asks = [
        (statement, start, members)
        for (type_, start), group in groups.items()
        for statement, members in _statements(type_, start, group)
    ]
    answers = run_queries(conn, [statement for statement, _, _ in asks]) if asks else []
    found: dict[str, Sequence[Record] | Failure] = {write.id: () for write in writes}
    for (_, start, members), answer in zip(asks, answers, strict=True):
        for write, who in members:
            found[write.id] = (
                answer
                if isinstance(answer, Failure)
                else [
                    as_record(conn, write.type, row, (start,))
                    for row in answer
                    if same_id(str(row.get("WhoId") or ""), who)
                    and _same_start(write.fields[start], row.get(start))
                ]
            )
    return [found[write.id] for write in writes]


def _start_field(write: Write) -> str | None:
    told = (name for name in STARTS.get(write.type, ()) if write.fields.get(name) is not None)
    return next(told, None)


def _statements(
    type_: str, start: str, group: Sequence[tuple[Write, str]]
) -> Iterator[tuple[str, list[tuple[Write, str]]]]:
    read = dict.fromkeys(("Id", "WhoId", start, *ALWAYS_READ[type_]))
    for run in soql.runs((soql.quoted(who), (write, who)) for write, who in group):
        members = [member for _, member in run]
        conditions = [soql.among("WhoId", dict.fromkeys(literal for literal, _ in run))]
        # The bounds of the start: without them a user with few rights may ask for too much.
        literals = sorted(_literal(write.fields[start]) for write, _ in members)
        conditions += [f"{start} >= {literals[0]}", f"{start} <= {literals[-1]}"]
        if type_ == "Event":
            conditions.append("IsChild = false")
        yield soql.select(read, type_, *conditions, order=("CreatedDate",)), members


def _literal(value: object) -> str:
    if isinstance(value, datetime):
        return soql.moment(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _same_start(wanted: object, there: object) -> bool:
    if isinstance(wanted, datetime):
        start = read_datetime(there)
        return start is not None and abs((start - wanted).total_seconds()) < 1
    return str(outgoing(wanted)) == str(there)  # type: ignore[arg-type]
