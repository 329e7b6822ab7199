"""What a person does at the vendor's own screens: `POST /__sandbox__/admin`.

| action | body | answer |
|---|---|---|
| `create_record` | object, values; `unchecked`: unique values may be taken | record_id |
| `delete_record` | object, record_id | |
| `merge_records` | object, primary, secondary | record_id: a new one |
| `add_member` | email_address; first_name, last_name, access_level | workspace_member_id |
| `add_attribute` | object, slug, type; multi, unique, required, options, targets | |
| `set_scopes` | scopes: separated by blanks | |
| `revoke_token` | the token that was made in the settings | |
| `uninstall_app` | ends every login to the workspace | |
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from crmwire_attio.sandbox_app.answers import Refusal, stamp
from crmwire_attio.sandbox_app.call import member_writer
from crmwire_attio.sandbox_app.linking import Linker
from crmwire_attio.sandbox_app.store import Commit
from crmwire_attio.sandbox_app.workspace import Attribute, Member, Option, Workspace


def do(
    workspace: Workspace, commit: Commit, linker: Linker, action: str, body: Mapping[str, Any]
) -> dict[str, Any]:
    """Do it. Raises: LookupError for an unknown action or a body that does not fit."""
    found = _ACTIONS.get(action)
    if found is None:
        raise LookupError(f"no admin action {action!r}; there are: {', '.join(_ACTIONS)}")
    try:
        return found(workspace, commit, linker, body)
    except Refusal as refusal:
        raise LookupError(str(refusal)) from refusal


def _create(
    workspace: Workspace, commit: Commit, linker: Linker, body: Mapping[str, Any]
) -> dict[str, Any]:
    object_ = workspace.object(body["object"])
    writer = member_writer(workspace, commit)
    if body.get("unchecked"):
        record = writer.insert(object_, writer.read(object_, body["values"]))
    else:
        record = writer.create(object_, body["values"])
    if object_.slug == "people":
        linker.person_written(workspace, record, commit)
    return {"record_id": record.id}


def _delete(
    workspace: Workspace, commit: Commit, linker: Linker, body: Mapping[str, Any]
) -> dict[str, Any]:
    object_ = workspace.object(body["object"])
    member_writer(workspace, commit).delete(object_, object_.record(body["record_id"]))
    return {}


def _merge(
    workspace: Workspace, commit: Commit, linker: Linker, body: Mapping[str, Any]
) -> dict[str, Any]:
    """Both records become a new one with a new id; the old ids are dead."""
    object_ = workspace.object(body["object"])
    both = [object_.record(body["primary"]), object_.record(body["secondary"])]
    values: dict[str, Any] = {}
    for slug, attribute in object_.attributes.items():
        if attribute.writable:
            # Guess: of single values the primary's counts; of several, all are kept.
            values[slug] = [element for one in both for element in one.values[slug]]
            values[slug] = values[slug] if attribute.multi else values[slug][:1]
    meta = ("active_from", "active_until", "created_by_actor", "attribute_type")
    parts = {
        slug: [
            {key: value for key, value in element.items() if key not in meta}
            for element in elements
        ]
        for slug, elements in values.items()
    }
    moved = [note for one in both for note in workspace.notes_on(object_.slug, one.id)]
    for note in moved:
        note.parent_record_id = ""
    writer = member_writer(workspace, commit)
    for one in both:
        writer.delete(object_, one)
    merged = writer.insert(object_, parts)
    for note in moved:
        note.parent_record_id = merged.id
    return {"record_id": merged.id}


def _member(
    workspace: Workspace, commit: Commit, linker: Linker, body: Mapping[str, Any]
) -> dict[str, Any]:
    member = Member(
        first_name=body.get("first_name", ""),
        last_name=body.get("last_name", ""),
        email_address=body["email_address"],
        access_level=body.get("access_level", "member"),
        created_at=stamp(datetime.now(UTC)),
    )
    workspace.members[member.id] = member
    return {"workspace_member_id": member.id}


def _attribute(
    workspace: Workspace, commit: Commit, linker: Linker, body: Mapping[str, Any]
) -> dict[str, Any]:
    object_ = workspace.object(body["object"])
    attribute = Attribute(
        slug=body["slug"],
        title=body.get("title", body["slug"]),
        type=body["type"],
        system=False,
        multi=body.get("multi", False),
        unique=body.get("unique", False),
        required=body.get("required", False),
        currency="USD" if body["type"] == "currency" else None,
        targets=tuple(body.get("targets", ())),
        options=[Option(title=title) for title in body.get("options", ())],
    )
    object_.attributes[attribute.slug] = attribute
    for record in object_.records.values():
        record.values[attribute.slug] = []
    return {}


def _scopes(
    workspace: Workspace, commit: Commit, linker: Linker, body: Mapping[str, Any]
) -> dict[str, Any]:
    workspace.scopes = frozenset(body["scopes"].split())
    return {}


def _revoke(
    workspace: Workspace, commit: Commit, linker: Linker, body: Mapping[str, Any]
) -> dict[str, Any]:
    workspace.revoked = True
    return {}


_ACTIONS = {
    "create_record": _create,
    "delete_record": _delete,
    "merge_records": _merge,
    "add_member": _member,
    "add_attribute": _attribute,
    "set_scopes": _scopes,
    "revoke_token": _revoke,
}
