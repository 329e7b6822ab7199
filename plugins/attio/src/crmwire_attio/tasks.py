"""Writing tasks. A task is linked to records and has no key of its own; its text is fixed.

docs.attio.com/rest-api/endpoint-reference/tasks (read 2026-11).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from crmwire.errors import Rejected
from crmwire.types import Value, Write, Written
from crmwire_attio import api
from crmwire_attio.flows import Flow

FIELDS = ("content", "deadline_at", "is_completed", "assignees")


def write_task(write: Write) -> Flow[Written]:
    """Do one write of a task. Raises (in the flow): the Failure that ends it."""
    if write.action == "delete":
        response = yield from api.remove("tasks", str(write.record))
        return Written(
            id=write.id, type="tasks", record=str(write.record), request_id=response.request_id
        )
    if write.action == "upsert":
        raise Rejected(
            "Tasks have no unique key in Attio.",
            remedy="Take `match` out of the mapping's table for tasks.",
            code="no_key",
        )
    given = _given(write)
    dropped: tuple[str, ...] = ()
    if write.action == "update":
        # PATCH takes all but the text, and refuses it.
        dropped = ("content",) if given.pop("content", None) is not None else ()
        if not given:
            return Written(id=write.id, type="tasks", record=str(write.record), dropped=dropped)
        response = yield api.change("tasks", str(write.record), given)
    else:
        whole = {"format": "plaintext", "content": "", "deadline_at": None, "is_completed": False}
        linked = _linked(write)
        response = yield api.add(
            "tasks", {**whole, "assignees": [], "linked_records": linked, **given}
        )
        # A recorded create (2026-05) answered 200 without the link that it had sent.
        if len(api.row(response).get("linked_records") or ()) < len(linked):
            dropped = ("linked_records",)
    return Written(
        id=write.id,
        type="tasks",
        record=api.id_of(api.row(response), "task"),
        created=write.action == "create",
        dropped=dropped,
        request_id=response.request_id,
    )


def _given(write: Write) -> dict[str, Any]:
    unknown = sorted(set(write.fields) - set(FIELDS))
    if unknown:
        raise Rejected(
            f"Tasks have no field {unknown[0]!r}; they have {', '.join(FIELDS)}.",
            remedy="Take the row out of the mapping; then retry.",
            code="unknown_attribute",
            fields=unknown,
        )
    data: dict[str, Any] = dict(write.fields)
    if "content" in data:
        data["content"] = content(write)
    if isinstance(data.get("deadline_at"), datetime):
        data["deadline_at"] = api.written_time(data["deadline_at"])
    if "assignees" in data:
        data["assignees"] = _assignees(write.fields["assignees"])
    return data


def content(write: Write) -> str:
    """The text, as it is sent and looked for."""
    return str(write.fields.get("content") or "")


def _assignees(value: Value) -> list[dict[str, str]]:
    """Members by id or by address."""
    many = isinstance(value, Sequence) and not isinstance(value, str)
    given: Any = value if many else [value]
    return [
        {"workspace_member_email_address": str(one)}
        if "@" in str(one)
        else {"referenced_actor_type": "workspace-member", "referenced_actor_id": str(one)}
        for one in given
        if one is not None
    ]


def _linked(write: Write) -> list[dict[str, str]]:
    return [
        {"target_object": about.type, "target_record_id": about.record}
        for about in write.about
        if isinstance(about.record, str)
    ]
