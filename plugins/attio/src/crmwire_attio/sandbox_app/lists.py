"""Lists and their entries: records that a team put together, each with values of the list's own.

docs.attio.com/rest-api/endpoint-reference, lists and entries (read 2026-11); shapes recorded
2026-05.
"""

from __future__ import annotations

from typing import Any

from crmwire_attio.sandbox_app import filters
from crmwire_attio.sandbox_app.answers import (
    Answer,
    Refusal,
    bad_body,
    checked,
    missing,
    no_entry,
    not_found_value,
    slug_taken,
    stamp,
)
from crmwire_attio.sandbox_app.call import Call, Endpoint, Handler
from crmwire_attio.sandbox_app.records import element_json
from crmwire_attio.sandbox_app.standard import fixed_id
from crmwire_attio.sandbox_app.store import Mode
from crmwire_attio.sandbox_app.workspace import Attribute, EntryList, Record, Workspace

_ACCESS = "'full-access' | 'read-and-write' | 'read-only'"
_ENTRY = {"parent_record_id": "string", "parent_object": "string", "entry_values": "object"}
_DEFAULT_LIMIT = 500


# ---------------------------------------------------------------- lists


def _list_json(workspace: Workspace, list_: EntryList) -> dict[str, Any]:
    return {
        "id": {"workspace_id": workspace.id, "list_id": list_.id},
        "api_slug": list_.slug,
        "created_at": list_.created_at,
        "name": list_.singular,
        "workspace_access": list_.workspace_access,
        "workspace_member_access": list_.member_access,
        "parent_object": [list_.parent_object],
        "created_by_actor": list_.created_by,
    }


def list_lists(call: Call) -> Answer:
    lists = call.workspace.lists.values()
    return Answer(body={"data": [_list_json(call.workspace, list_) for list_ in lists]})


def _list(call: Call) -> EntryList:
    return call.workspace.entry_list(call.params["list"])


def get_list(call: Call) -> Answer:
    return Answer(body={"data": _list_json(call.workspace, _list(call))})


def create_list(call: Call) -> Answer:
    # Recorded (2025-07): all that is missing is named at once, the access as an enumeration.
    wanted = {"name": "string", "api_slug": "string", "parent_object": "string"}
    given = call.body.get("data") if isinstance(call.body, dict) else None
    if isinstance(given, dict):
        problems = [missing(["data", name], "string") for name in wanted if name not in given]
        if "workspace_access" not in given:
            problems.append(missing(["data", "workspace_access"], _ACCESS))
        if "workspace_member_access" not in given:
            problems.append(missing(["data", "workspace_member_access"], "array"))
        if problems:
            raise bad_body(*problems)
    data = checked(
        call.body,
        wanted | {"workspace_access": "string?", "workspace_member_access": "array"},
        required=True,
    )
    if data["api_slug"] in call.workspace.lists:
        raise slug_taken(data["api_slug"])
    own = [
        Attribute(slug="entry_id", title="Entry ID", type="text", unique=True, writable=False),
        Attribute(slug="created_at", title="Created at", type="timestamp", writable=False),
        Attribute(slug="created_by", title="Created by", type="actor-reference", writable=False),
    ]
    made = EntryList(
        slug=data["api_slug"],
        singular=data["name"],
        plural=data["name"],
        id=fixed_id(call.workspace, f"lists.{data['api_slug']}"),
        created_at=stamp(call.now),
        attributes={attribute.slug: attribute for attribute in own},
        custom=True,
        parent_object=call.workspace.object(data["parent_object"]).slug,
        workspace_access=data["workspace_access"],
        member_access=data["workspace_member_access"],
        created_by=call.access.actor,
    )
    call.workspace.lists[made.slug] = made
    call.commit("create", "lists", made.id, {"api_slug": made.slug})
    return Answer(body={"data": _list_json(call.workspace, made)})


def update_list(call: Call) -> Answer:
    list_ = _list(call)
    data = checked(call.body, {"name": "string", "workspace_access": "string?"}, required=False)
    list_.singular = data.get("name", list_.singular)
    list_.workspace_access = data.get("workspace_access", list_.workspace_access)
    return Answer(body={"data": _list_json(call.workspace, list_)})


# ---------------------------------------------------------------- entries


def _entry_json(workspace: Workspace, list_: EntryList, entry: Record) -> dict[str, Any]:
    assert entry.parent is not None
    return {
        "id": {"workspace_id": workspace.id, "list_id": list_.id, "entry_id": entry.id},
        "parent_record_id": entry.parent[1],
        "parent_object": entry.parent[0],
        "created_at": entry.created_at,
        "entry_values": {
            slug: [element_json(workspace, list_, attribute, one) for one in entry.values[slug]]
            for slug, attribute in list_.attributes.items()
        },
    }


def _told(call: Call, entry: Record) -> Answer:
    return Answer(body={"data": _entry_json(call.workspace, _list(call), entry)})


def _parent(call: Call, list_: EntryList, data: dict[str, Any]) -> tuple[str, str]:
    object_ = call.workspace.object(data["parent_object"])
    if object_.slug != list_.parent_object or data["parent_record_id"] not in object_.records:
        # Guess: the message; the code is the specification's.
        raise not_found_value(
            f'Could not find record with ID "{data["parent_record_id"]}" for object '
            f'"{data["parent_object"]}".'
        )
    return object_.slug, data["parent_record_id"]


def create_entry(call: Call) -> Answer:
    """One more entry, whether or not the record is in the list."""
    list_, data = _list(call), checked(call.body, _ENTRY, required=True)
    return _told(call, _added(call, list_, _parent(call, list_, data), data))


def _added(call: Call, list_: EntryList, parent: tuple[str, str], data: dict[str, Any]) -> Record:
    writer = call.writer
    values = writer.read(list_, data["entry_values"])
    writer.refuse_conflicts(list_, None, values)
    return writer.insert(list_, values, parent)


def assert_entry(call: Call) -> Answer:
    """The one entry of the record, or a new one."""
    list_, data = _list(call), checked(call.body, _ENTRY, required=True)
    parent = _parent(call, list_, data)
    there = [entry for entry in list_.records.values() if entry.parent == parent]
    if len(there) > 1:
        raise Refusal(
            400,
            "multiple_match_results",
            f'Multiple entries were found for parent record with ID "{parent[1]}".',
        )
    if not there:
        return _told(call, _added(call, list_, parent, data))
    return _told(call, call.writer.update(list_, there[0], data["entry_values"], "overwrite"))


def _entry(call: Call) -> Record:
    id_ = call.params["entry_id"]
    if id_ not in _list(call).records:
        raise no_entry(id_)
    return _list(call).records[id_]


def get_entry(call: Call) -> Answer:
    return _told(call, _entry(call))


def _changing(mode: Mode) -> Handler:
    def change_entry(call: Call) -> Answer:
        entry = _entry(call)
        values = checked(call.body, {"entry_values": "object"}, required=True)["entry_values"]
        return _told(call, call.writer.update(_list(call), entry, values, mode))

    return change_entry


def delete_entry(call: Call) -> Answer:
    call.writer.delete(_list(call), _entry(call))
    return Answer(body={})


def query_entries(call: Call) -> Answer:
    body = call.body if isinstance(call.body, dict) else {}
    list_ = _list(call)
    filter_, sorts = body.get("filter") or {}, body.get("sorts") or []
    found = filters.ordered(list_, filters.matching(call.workspace, list_, filter_), sorts)
    offset = int(body.get("offset", 0))
    chunk = found[offset : offset + int(body.get("limit", _DEFAULT_LIMIT))]
    return Answer(
        body={"data": [_entry_json(call.workspace, list_, entry) for entry in chunk]},
        headers={"x-attio-record-query-score": str(filters.score(filter_, sorts))},
    )


def entries_of_record(call: Call) -> Answer:
    """In which lists a record is."""
    parent = (call.object.slug, call.record.id)
    return Answer(
        body={
            "data": [
                {
                    "list_id": list_.id,
                    "list_api_slug": list_.slug,
                    "entry_id": entry.id,
                    "created_at": entry.created_at,
                }
                for list_ in call.workspace.lists.values()
                for entry in list_.records.values()
                if entry.parent == parent
            ]
        }
    )


# ---------------------------------------------------------------- endpoints


def _endpoint(method: str, path: str, handler: Handler, *, read: bool = False) -> Endpoint:
    read = read or method == "GET"
    level = "read" if read else "read-write"
    if "entries" in path:
        scopes: tuple[str, ...] = (f"list_entry:{level}", "list_configuration:read")
    else:
        scopes = (f"list_configuration:{level}",)
    limits: tuple[Any, ...] = ("read",) if read else ("write",)
    return Endpoint(method=method, path=path, handler=handler, scopes=scopes, limits=limits)


_ENTRIES = "/v2/lists/{list}/entries"
ENDPOINTS = (
    _endpoint("GET", "/v2/lists", list_lists),
    _endpoint("POST", "/v2/lists", create_list),
    _endpoint("GET", "/v2/lists/{list}", get_list),
    _endpoint("PATCH", "/v2/lists/{list}", update_list),
    _endpoint("POST", f"{_ENTRIES}/query", query_entries, read=True),
    _endpoint("POST", _ENTRIES, create_entry),
    _endpoint("PUT", _ENTRIES, assert_entry),
    _endpoint("GET", f"{_ENTRIES}/{{entry_id}}", get_entry),
    _endpoint("PATCH", f"{_ENTRIES}/{{entry_id}}", _changing("append")),
    _endpoint("PUT", f"{_ENTRIES}/{{entry_id}}", _changing("overwrite")),
    _endpoint("DELETE", f"{_ENTRIES}/{{entry_id}}", delete_entry),
    Endpoint(
        method="GET",
        path="/v2/objects/{object}/records/{record_id}/entries",
        handler=entries_of_record,
        scopes=("record_permission:read", "object_configuration:read", "list_entry:read"),
        limits=("read",),
    ),
)
