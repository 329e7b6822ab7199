"""A create that met a record: somebody made it between our look-up and our create.

What the mapping says of existing records was not asked for it, so nothing that stands there is
overwritten: only its empty properties are filled, or nothing at all if the mapping says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmwire.errors import Failure
from crmwire.types import Json, Record, Written
from crmwire_hubspot.batches import Answers, Input, send
from crmwire_hubspot.kinds import CONTACTS
from crmwire_hubspot.reading import read_records
from crmwire_hubspot.settings import settings_of

if TYPE_CHECKING:
    from crmwire.connections import Connection


def fill_existing(
    conn: Connection, object_type: str, inputs: Sequence[Input], answers: Answers
) -> dict[str, Written | Failure]:
    """New outcomes for the creates that were refused as conflicts, by write."""
    met = [one for one in inputs if conflicts(answers.outcomes.get(one.write.id))]
    if not met:
        return {}
    outcomes: dict[str, Written | Failure] = {}
    updates: list[Input] = []
    records: dict[str, Record] = {}
    for one, record in zip(met, _records(conn, object_type, met, answers), strict=True):
        if isinstance(record, Failure):
            outcomes[one.write.id] = record
        elif record is not None:
            records[one.write.id] = record
            leave = settings_of(one.write).when_met == "leave"
            missing: dict[str, Json] = {
                name: value
                for name, value in one.properties.items()
                if record.fields.get(name) in (None, "") and not leave
            }
            if missing:
                body: dict[str, Json] = {"id": record.id, "properties": missing}
                updates.append(Input(write=one.write, key=record.id, body=body))
    for name, record in records.items():
        outcomes[name] = Written(
            id=name, type=object_type, record=record.id, created=False, url=record.url
        )
    return outcomes | send(conn, object_type, "update", updates).outcomes


def conflicts(outcome: Written | Failure | None) -> bool:
    """Whether a create was refused because such a record is there."""
    return isinstance(outcome, Failure) and outcome.code == "CONFLICT"


def _records(
    conn: Connection, object_type: str, met: Sequence[Input], answers: Answers
) -> list[Record | Failure | None]:
    """The record that each met: by the id that the refusal names, else by the address."""
    names = {name for one in met for name in one.properties}
    ids = {one.write.id: answers.existing.get(one.write.id, "") for one in met}
    emails = {
        one.write.id: str(one.properties.get("email") or "").strip().lower()
        for one in met
        if object_type == CONTACTS and not ids[one.write.id]
    }
    by_id = read_records(conn, object_type, filter(None, ids.values()), properties=names)
    by_email = read_records(
        conn, object_type, filter(None, emails.values()), by="email", properties=names
    )
    return [
        by_id.get(ids[one.write.id]) or by_email.get(emails.get(one.write.id, "")) for one in met
    ]
