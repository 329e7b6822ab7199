"""Writing entries of lists: a person put into a list, with the list's own values.

A list is written as an object type `lists/SLUG`; the record that the entry is of is the first of
`about`. An entry is asserted by its record, so that writing it twice leaves one.
docs.attio.com/rest-api/endpoint-reference, entries (read 2026-11).
"""

from __future__ import annotations

from typing import Any

from crmwire.errors import RecordGone, Rejected
from crmwire.types import Write, Written
from crmwire_attio import api, values
from crmwire_attio.flows import Flow
from crmwire_attio.notes import parent
from crmwire_attio.schema import Schema


def write_entry(schema: Schema, write: Write) -> Flow[Written]:
    """Do one write of an entry. Raises (in the flow): the Failure that ends it."""
    list_ = write.type.removeprefix(api.LIST)
    if write.action == "delete":
        response = yield from api.remove("lists", list_, "entries", str(write.record))
        return Written(
            id=write.id,
            type=write.type,
            record=str(write.record),
            request_id=response.request_id,
        )
    dropped: list[str] = []
    given = _values(schema, write, dropped)
    if write.action == "update":
        response = yield api.change_entry(list_, str(write.record), given)
    else:
        object_, record = parent(write)
        try:
            response = yield api.assert_entry(list_, object_, record, given)
        except Rejected as failure:
            if failure.code == "value_not_found" and record in failure.message:
                raise RecordGone(
                    failure.message,
                    type=object_,
                    record=record,
                    remedy="The record was deleted or merged in Attio; retry to find it anew.",
                    code=failure.code,
                ) from None
            raise
    return Written(
        id=write.id,
        type=write.type,
        record=api.id_of(api.row(response), "entry"),
        created=False if write.action == "update" else None,
        dropped=tuple(dropped),
        request_id=response.request_id,
    )


def _values(schema: Schema, write: Write, dropped: list[str]) -> dict[str, list[Any]]:
    given: dict[str, list[Any]] = {}
    for slug, value in write.fields.items():
        try:
            given[slug] = values.written(schema.attribute(write.type, slug), value)
        except Rejected:
            if slug not in write.drop_allowed:
                raise
            dropped.append(slug)
    return given
