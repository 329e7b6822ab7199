"""Notes.

docs.attio.com/rest-api/endpoint-reference/notes (read 2026-11).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from crmwire_attio.sandbox_app.answers import Answer, Refusal, bad_body, checked, no_option, stamp
from crmwire_attio.sandbox_app.call import Call, Endpoint
from crmwire_attio.sandbox_app.workspace import Note, Workspace

_READ = ("object_configuration:read", "record_permission:read")
_NOTE = {"title": "string", "format": "string", "content": "string"}
_LONGEST = 1_000_000
"""Guess: characters of a note; a longer one is refused with 413, at a length not published."""
_MARKS = re.compile(r"(\*\*|__|~~|==|^#{1,3} |(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w))", re.MULTILINE)


def _note_json(workspace: Workspace, note: Note) -> dict[str, Any]:
    return {
        "id": {"workspace_id": workspace.id, "note_id": note.id},
        "parent_object": note.parent_object,
        "parent_record_id": note.parent_record_id,
        "title": note.title,
        "meeting_id": None,
        "content_plaintext": note.content_plaintext,
        "content_markdown": note.content_markdown,
        "tags": [],
        "created_by_actor": note.created_by,
        "created_at": note.created_at,
    }


def _contents(data: dict[str, Any]) -> tuple[str, str]:
    """A content as plain text and as markdown."""
    content, format_ = data["content"], data.get("format", "plaintext")
    if format_ not in ("plaintext", "markdown"):
        raise bad_body(no_option(["data", "format"], ["plaintext", "markdown"], format_))
    if len(content) > _LONGEST:
        # Guess: the message.
        raise Refusal(413, "validation_type", "The note's content is too large.")
    # Guess: how plain text is made of markdown; of plain text both are the same (recorded).
    return (content, content) if format_ == "plaintext" else (_MARKS.sub("", content), content)


def create_note(call: Call) -> Answer:
    wanted = {"parent_object": "string", "parent_record_id": "string", **_NOTE}
    data = checked(call.body, wanted, required=True)
    checked(call.body, {"created_at": "string"}, required=False)
    object_ = call.workspace.object(data["parent_object"])
    record = object_.record(data["parent_record_id"])
    plaintext, markdown = _contents(data)
    note = Note(
        parent_object=object_.slug,
        parent_record_id=record.id,
        title=data["title"],
        content_plaintext=plaintext,
        content_markdown=markdown,
        created_by=call.access.actor,
        created_at=_backdated(call, data.get("created_at")),
    )
    call.workspace.notes[note.id] = note
    call.commit("create", "notes", note.id, _told(note))
    return Answer(body={"data": _note_json(call.workspace, note)})


def _backdated(call: Call, given: str | None) -> str:
    if given is None:
        return stamp(call.now)
    try:
        time = datetime.fromisoformat(given)
    except ValueError:
        time = datetime.max.replace(tzinfo=UTC)
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    if time.year < 1970 or time > call.now + timedelta(seconds=1):
        raise bad_body(
            {"code": "custom", "path": ["data", "created_at"], "message": "Invalid date"}
        )
    return stamp(time)


def _told(note: Note) -> dict[str, Any]:
    return {
        "parent_object": note.parent_object,
        "parent_record_id": note.parent_record_id,
        "title": note.title,
        "content": note.content_plaintext,
    }


def list_notes(call: Call) -> Answer:
    """Oldest first (recorded 2026-05); ten of them unless asked for up to fifty."""
    notes = list(call.workspace.notes.values())
    if "parent_object" in call.query:
        object_ = call.workspace.object(call.query["parent_object"])
        notes = [note for note in notes if note.parent_object == object_.slug]
    if "parent_record_id" in call.query:
        # Guess: of a record that is gone, none rather than 404.
        notes = [note for note in notes if note.parent_record_id == call.query["parent_record_id"]]
    notes.sort(key=lambda note: note.created_at)
    offset = call.number("offset", 0)
    chunk = notes[offset : offset + call.number("limit", 10, most=50)]
    return Answer(body={"data": [_note_json(call.workspace, note) for note in chunk]})


def _note(call: Call) -> Note:
    id_ = call.params["note_id"]
    if id_ not in call.workspace.notes:
        raise Refusal(404, "not_found", f'Note with ID "{id_}" was not found.')
    return call.workspace.notes[id_]


def get_note(call: Call) -> Answer:
    return Answer(body={"data": _note_json(call.workspace, _note(call))})


def change_note(call: Call) -> Answer:
    """New content replaces all of the old."""
    note, data = _note(call), checked(call.body, _NOTE, required=False)
    if "content" in data:
        note.content_plaintext, note.content_markdown = _contents(data)
    note.title = data.get("title", note.title)
    call.commit("update", "notes", note.id, _told(note))
    return Answer(body={"data": _note_json(call.workspace, note)})


def delete_note(call: Call) -> Answer:
    del call.workspace.notes[_note(call).id]
    call.commit("delete", "notes", call.params["note_id"], {})
    return Answer(body={})


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/v2/notes",
        handler=create_note,
        scopes=("note:read-write", *_READ),
        limits=("write",),
    ),
    Endpoint(
        method="GET",
        path="/v2/notes",
        handler=list_notes,
        scopes=("note:read", *_READ),
        limits=("read", "notes"),
    ),
    Endpoint(
        method="GET",
        path="/v2/notes/{note_id}",
        handler=get_note,
        scopes=("note:read", *_READ),
        limits=("read",),
    ),
    Endpoint(
        method="PATCH",
        path="/v2/notes/{note_id}",
        handler=change_note,
        scopes=("note:read-write", *_READ),
        limits=("write",),
    ),
    Endpoint(
        method="DELETE",
        path="/v2/notes/{note_id}",
        handler=delete_note,
        scopes=("note:read-write",),
        limits=("write",),
    ),
)
