"""Sending writes: wave by wave, all of a wave at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmwire.errors import Failure, NotAllowed
from crmwire.types import Write, Written
from crmwire.waves import because_of, resolve, waves
from crmwire_attio import api, instead, scopes
from crmwire_attio.entries import write_entry
from crmwire_attio.flows import Flow, run
from crmwire_attio.notes import write_note
from crmwire_attio.records import write_record
from crmwire_attio.schema import Schema
from crmwire_attio.tasks import write_task

if TYPE_CHECKING:
    from crmwire.connections import Connection


def write_records(conn: Connection, writes: Sequence[Write]) -> list[Written | Failure]:
    """One answer per write, in order. Attio has no transactions: each write is a call."""
    schema = Schema(conn)
    refused = _refused(conn, writes)
    done: dict[str, Written | Failure] = {}
    for wave in waves(writes):
        ready: list[Write] = []
        for write in wave:
            lacking = refused.get(write.id)
            resolved = because_of(lacking) if lacking else resolve(write, done)
            if isinstance(resolved, Failure):
                done[write.id] = resolved
            else:
                ready.append(resolved)
        outcomes = run(conn, [_flow(schema, write) for write in ready])
        done.update({write.id: outcome for write, outcome in zip(ready, outcomes, strict=True)})
    return [done[write.id] for write in writes]


def _refused(conn: Connection, writes: Sequence[Write]) -> dict[str, NotAllowed]:
    """The writes for which the token lacks a scope, and those that stand or fall with them."""
    types = {write.type: scopes.refused(conn, write.type) for write in writes}
    groups = {write.group: why for write in writes if (why := types[write.type]) and write.group}
    found = {write.id: types[write.type] or groups.get(write.group or "") for write in writes}
    return {id_: why for id_, why in found.items() if why is not None}


def _flow(schema: Schema, write: Write) -> Flow[Written]:
    if instead.is_one(write):
        return instead.change(write)
    if write.type == "notes":
        return write_note(write)
    if write.type == "tasks":
        return write_task(write)
    if write.type.startswith(api.LIST):
        return write_entry(schema, write)
    flow = write_record(schema, write)
    return instead.write_record(flow, schema, write) if instead.allowed(write) else flow
