"""Associations that cannot stand in the write itself: an upsert or update takes none.

One call for each pair of object types, exempt from the ten-second limit (the OpenAPI documents
mark these routes so, read 2026-11). Repeating it changes nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmwire.errors import Failure
from crmwire.types import Json, Write, Written
from crmwire_hubspot import paths
from crmwire_hubspot.bodies import read
from crmwire_hubspot.errors import failure
from crmwire_hubspot.kinds import FOUND, association
from crmwire_hubspot.results import objects, unreadable, whole
from crmwire_hubspot.scopes import naming_scope, scope
from crmwire_hubspot.settings import settings_of

if TYPE_CHECKING:
    from crmwire.connections import Connection

MOST = 2000
"""Inputs in one call."""
EXEMPT = "daily"
"""The limit that exempt calls count under: the account's day only."""


def associate(
    conn: Connection, writes: Iterable[Write], outcomes: Mapping[str, Written | Failure]
) -> dict[str, Failure]:
    """Associate what upserts, updates and met records were about; the failures, by write.

    An activity is associated when it is made, so its later updates are left alone.
    """
    wanted: dict[tuple[str, str], list[tuple[str, dict[str, Json]]]] = {}
    for write in writes:
        outcome = outcomes.get(write.id)
        if write.type not in FOUND or not isinstance(outcome, Written):
            continue
        if write.action == "delete" or (write.action == "create" and outcome.created):
            continue
        settings = settings_of(write)
        if write.action == "create" and settings.when_met == "leave":
            continue
        primary = outcome.created is True and settings.primary_company
        for about in write.about:
            if about.only_new and outcome.created is not True:
                continue
            spec = association(write.type, about.type, primary=primary)
            if spec is not None:
                entry: dict[str, Json] = {
                    "from": {"id": outcome.record},
                    "to": {"id": str(about.record)},
                    "types": [spec],
                }
                wanted.setdefault((write.type, about.type), []).append((write.id, entry))
    failures: dict[str, Failure] = {}
    for (from_type, to_type), entries in wanted.items():
        for start in range(0, len(entries), MOST):
            failures |= _send(conn, from_type, to_type, entries[start : start + MOST])
    return failures


def _send(
    conn: Connection, from_type: str, to_type: str, entries: Sequence[tuple[str, dict[str, Json]]]
) -> dict[str, Failure]:
    try:
        response = conn.http.post(
            paths.associations(conn, from_type, to_type, "batch/create"),
            {"inputs": [entry for _, entry in entries]},
            safe=True,
            limit=EXEMPT,
        )
        data = whole(response)
        errors = list(objects(data.get("errors")))
        # Without a list of either nothing says what was associated, whatever the status.
        if not errors and (data.get("errors") or not isinstance(data.get("results"), list)):
            raise unreadable(response)
    except Failure as error:
        naming_scope(error, scope(from_type, "write"))
        return {write: copy.copy(error) for write, _ in entries}
    if not errors:
        return {}
    # Errors of this route name the record in their text only, so what was associated tells.
    done = {_pair(result) for result in objects(data.get("results"))}
    why = failure(read(errors[0]), request_id=response.request_id)
    return {
        write: copy.copy(why)
        for write, entry in entries
        if (_id(entry["from"]), _id(entry["to"])) not in done
    }


def _pair(result: Mapping[str, Any]) -> tuple[str, str]:
    return str(result.get("fromObjectId")), str(result.get("toObjectId"))


def _id(end: Json) -> str:
    return str(end["id"]) if isinstance(end, Mapping) else ""
