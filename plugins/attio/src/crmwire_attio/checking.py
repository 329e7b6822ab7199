"""Who the token is, what it may do, and which fields there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crmwire.errors import NeedsLogin, RetryLater
from crmwire.types import ConnectionReport, FieldInfo, Finding
from crmwire_attio import api, notes, schema, tasks
from crmwire_attio.errors import BY_STATUS
from crmwire_attio.flows import Flow, run

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.types import Json

# docs.attio.com/rest-api/endpoint-reference, "Required scopes" of each endpoint (read 2026-11).
NEEDED = ("record_permission:read-write", "object_configuration:read", "note:read-write")
USEFUL = {
    "user_management:read": "hosts cannot be found among the workspace's members",
    "task:read-write": "tasks cannot be written",
}
_MINUTE = 60.0
_WHERE = "Attio's workspace settings, Developers, Access tokens"


def check_connection(conn: Connection) -> ConnectionReport:
    """Ask for the token's workspace and scopes.

    Raises: NeedsLogin for a dead token, which Attio answers with 200 and `active: false`.
    """
    response = conn.http.send(api.read("self"))
    told = response.json()
    if not isinstance(told, dict) or "active" not in told:
        raise RetryLater("Attio's answer is not in the form that it should have.", sent="no")
    if not told["active"]:
        raise NeedsLogin(
            "Attio no longer knows this access token.",
            remedy=BY_STATUS[401].remedy,
            code="inactive",
            request_id=response.request_id,
        )
    scopes = tuple(sorted(str(told.get("scope") or "").split()))
    return ConnectionReport(
        account_id=str(told["workspace_id"]),
        account_name=str(told.get("workspace_name") or told["workspace_id"]),
        user_id=str(told.get("authorized_by_workspace_member_id") or ""),
        scopes=scopes,
        findings=_findings(scopes),
    )


def _findings(scopes: Sequence[str]) -> tuple[Finding, ...]:
    held = set(scopes) | {scope.replace(":read-write", ":read") for scope in scopes}
    missing = [
        Finding(
            level="error",
            subject=scope,
            message=f"The access token lacks the scope {scope}.",
            remedy=f"Give it to the token in {_WHERE}.",
        )
        for scope in NEEDED
        if scope not in held
    ]
    missing += [
        Finding(
            level="warning",
            subject=scope,
            message=f"The access token lacks the scope {scope}: {without}.",
            remedy=f"If the mapping needs it, give it to the token in {_WHERE}.",
        )
        for scope, without in USEFUL.items()
        if scope not in held
    ]
    return tuple(missing)


def list_fields(conn: Connection, object_type: str) -> Sequence[FieldInfo]:
    """The attributes of an object, with the options of those that have some.

    Read anew each minute, so that what was just added in Attio is seen.
    """
    if object_type in _FIXED:
        return _FIXED[object_type]
    stored: Any = conn.cache(f"fields/{object_type}", _MINUTE, lambda: _load(conn, object_type))
    return [FieldInfo(**{**told, "options": tuple(told["options"])}) for told in stored]


def _load(conn: Connection, object_type: str) -> Json:
    attributes = list(schema.fetched(conn, object_type, anew=True).values())
    lists = [one for one in attributes if one.type in _CHOICES and one.writable]
    titles = run(conn, [_choices(object_type, one) for one in lists])
    # Options that cannot be read are not held against a mapping.
    known = {
        one.slug: list(found)
        for one, found in zip(lists, titles, strict=True)
        if isinstance(found, tuple)
    }
    return [
        {
            "name": one.slug,
            "label": one.title,
            "type": f"{one.type}[]" if one.multi else one.type,
            "required": one.required,
            "writable": one.writable,
            "unique": one.unique,
            "options": known.get(one.slug, []),
        }
        for one in attributes
    ]


_CHOICES = {"select": "options", "status": "statuses"}


def _choices(object_: str, attribute: schema.Attribute) -> Flow[tuple[str, ...]]:
    plural = _CHOICES[attribute.type]
    return schema.choices(
        (yield api.read("objects", object_, "attributes", attribute.slug, plural))
    )


_TYPES = {
    "created_at": "timestamp",
    "deadline_at": "timestamp",
    "is_completed": "checkbox",
    "assignees": "actor-reference[]",
}
_FIXED = {
    kind: tuple(
        FieldInfo(
            name=name,
            label=name.replace("_", " ").capitalize(),
            type=_TYPES.get(name, "text"),
            options=("plaintext", "markdown") if name == notes.FORMAT else (),
        )
        for name in names
    )
    for kind, names in {"notes": notes.FIELDS, "tasks": tasks.FIELDS}.items()
}
