"""Who the token is, what it may do, and which fields there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crmwire.errors import Failure
from crmwire.types import ConnectionReport, FieldInfo, Finding
from crmwire_attio import api, lookup, notes, schema, scopes, tasks
from crmwire_attio.choices import PLURAL
from crmwire_attio.flows import Flow, run

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.types import Json

NEEDED = (*scopes.RECORDS, "note:read-write")
USEFUL = {
    "user_management:read": "hosts cannot be found among the workspace's members",
    "task:read-write": "tasks cannot be written",
}
_MINUTE = 60.0


def check_connection(conn: Connection) -> ConnectionReport:
    """Ask for the token's workspace and scopes.

    Raises: NeedsLogin for a dead token, which Attio answers with 200 and `active: false`.
    """
    told = scopes.identity(conn)
    held = tuple(sorted(str(told.get("scope") or "").split()))
    scopes.keep(conn, held)
    user = str(told.get("authorized_by_workspace_member_id") or "")
    return ConnectionReport(
        account_id=str(told["workspace_id"]),
        account_name=str(told.get("workspace_name") or told["workspace_id"]),
        user_id=user,
        user_name=_name(conn, user, held),
        scopes=held,
        findings=_findings(held, scopes.where(conn)),
    )


def _name(conn: Connection, member: str, held: Sequence[str]) -> str:
    """The name of the member who let us in, if it may be read."""
    if not member or scopes.missing(held, scopes.USERS):
        return ""
    found = lookup.members(conn)
    named = [] if isinstance(found, Failure) else found
    return next(
        (str(row["name"]) for row in named if api.id_of(row, "workspace_member") == member), ""
    )


def _findings(held: Sequence[str], where: str) -> tuple[Finding, ...]:
    findings = [
        Finding(
            level="error",
            subject=scope,
            message=f"The access token lacks the scope {scope}.",
            remedy=f"{where}.",
        )
        for scope in scopes.missing(held, NEEDED)
    ]
    findings += [
        Finding(
            level="warning",
            subject=scope,
            message=f"The access token lacks the scope {scope}: {USEFUL[scope]}.",
            remedy=f"If the mapping needs it: {where[0].lower()}{where[1:]}.",
        )
        for scope in scopes.missing(held, USEFUL)
    ]
    return tuple(findings)


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
    lists = [one for one in attributes if one.type in PLURAL and one.writable]
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


def _choices(object_: str, attribute: schema.Attribute) -> Flow[tuple[str, ...]]:
    path = (*api.container(object_), "attributes", attribute.slug, PLURAL[attribute.type])
    return schema.choices((yield api.read(*path)))


_TYPES = {
    "created_at": "timestamp",
    "deadline_at": "timestamp",
    "is_completed": "checkbox",
    "assignees": "actor-reference[]",
}
# docs.attio.com/rest-api/endpoint-reference/tasks (read 2026-11); a note's length is told nowhere.
_LENGTHS = {("tasks", "content"): 2000}
_FIXED = {
    kind: tuple(
        FieldInfo(
            name=name,
            label=name.replace("_", " ").capitalize(),
            type=_TYPES.get(name, "text"),
            length=_LENGTHS.get((kind, name)),
            options=("plaintext", "markdown") if name == notes.FORMAT else (),
        )
        for name in names
    )
    for kind, names in {"notes": notes.FIELDS, "tasks": tasks.FIELDS}.items()
}
