"""Sending writes: wave by wave, all of a wave at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmwire.errors import Failure
from crmwire.types import Write, Written
from crmwire.waves import resolve, waves
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
    done: dict[str, Written | Failure] = {}
    for wave in waves(writes):
        ready: list[Write] = []
        for write in wave:
            resolved = resolve(write, done)
            if isinstance(resolved, Failure):
                done[write.id] = resolved
            else:
                ready.append(resolved)
        outcomes = run(conn, [_flow(schema, write) for write in ready])
        done.update({write.id: outcome for write, outcome in zip(ready, outcomes, strict=True)})
    return [done[write.id] for write in writes]


def _flow(schema: Schema, write: Write) -> Flow[Written]:
    if write.type == "notes":
        return write_note(write)
    if write.type == "tasks":
        return write_task(write)
    return write_record(schema, write)
