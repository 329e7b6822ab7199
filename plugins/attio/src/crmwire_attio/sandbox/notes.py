"""Notes, tasks and members.

docs.attio.com/rest-api/endpoint-reference (read 2026-11).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from crmwire_attio.sandbox.answers import Answer, Refusal, bad_body, checked, exact, stamp
from crmwire_attio.sandbox.call import Call, Endpoint
from crmwire_attio.sandbox.workspace import Member, Note, Task, Workspace

_READ = ("object_configuration:read", "record_permission:read")
_NOTE = {"title": "string", "format": "string", "content": "string"}
_TASK = {
    "content": "string",
    "format": "string",
    "deadline_at": "string?",
    "is_completed": "boolean",
    "linked_records": "array",
    "assignees": "array",
}
_LONGEST_NOTE = 1_000_000
"""Guess: characters of a note; a longer one is refused with 413, at a length not published."""
_LONGEST_TASK = 2000
_MARKS = re.compile(r"(\*\*|__|~~|==|^#{1,3} |(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w))", re.MULTILINE)


# ---------------------------------------------------------------- notes


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
        message = (
            f"Invalid enum value. Expected 'plaintext' | 'markdown', received '{format_}'"
        )
        raise bad_body(
            {
                "code": "invalid_option",
                "path": ["data", "format"],
                "message": message,
                "options": ["plaintext", "markdown"],
            }
        )
    if len(content) > _LONGEST_NOTE:
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
        created_by=call.workspace.token_actor,
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
        raise bad_body({"code": "custom", "path": ["data", "created_at"], "message": "Invalid date"})
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


# ---------------------------------------------------------------- tasks


def _task_json(workspace: Workspace, task: Task) -> dict[str, Any]:
    return {
        "id": {"workspace_id": workspace.id, "task_id": task.id},
        "content_plaintext": task.content,
        "is_completed": task.is_completed,
        "completed_at": task.completed_at,
        "deadline_at": task.deadline_at,
        "linked_records": [
            {"target_object_id": slug, "target_record_id": id_} for slug, id_ in task.linked
        ],
        "assignees": [
            {"referenced_actor_type": "workspace-member", "referenced_actor_id": id_}
            for id_ in task.assignees
        ],
        "created_by_actor": task.created_by,
        "created_at": task.created_at,
    }


def create_task(call: Call) -> Answer:
    data = checked(call.body, _TASK, required=True)
    if len(data["content"]) > _LONGEST_TASK:
        raise bad_body({"code": "too_big", "path": ["data", "content"], "message": "Too long"})
    task = Task(
        content=data["content"],
        deadline_at=None,
        is_completed=False,
        completed_at=None,
        linked=[],
        assignees=[],
        created_by=call.workspace.token_actor,
        created_at=stamp(call.now),
    )
    _change(call, task, data)
    call.workspace.tasks[task.id] = task
    call.commit("create", "tasks", task.id, {"content": task.content, "linked": task.linked})
    return Answer(body={"data": _task_json(call.workspace, task)})


def change_task(call: Call) -> Answer:
    wanted = {name: type_ for name, type_ in _TASK.items() if name not in ("content", "format")}
    task, data = _task(call), checked(call.body, wanted, required=False)
    unknown = sorted(set(data) - set(wanted))
    if unknown:
        # Guess: the form of the refusal; the text of a task cannot change.
        path = ["data"]
        raise bad_body({"code": "unrecognized_keys", "path": path, "message": ", ".join(unknown)})
    _change(call, task, data)
    call.commit("update", "tasks", task.id, {"is_completed": task.is_completed})
    return Answer(body={"data": _task_json(call.workspace, task)})


def _change(call: Call, task: Task, data: dict[str, Any]) -> None:
    if "deadline_at" in data:
        text = data["deadline_at"]
        task.deadline_at = exact(datetime.fromisoformat(text)) if text else None
    if "is_completed" in data and data["is_completed"] != task.is_completed:
        task.is_completed = data["is_completed"]
        task.completed_at = stamp(call.now) if task.is_completed else None
    if "linked_records" in data:
        # Guess: a record that is not there is left out without a word; a recorded create
        # answered so to a link by id.
        pairs = [(one["target_object"], one["target_record_id"]) for one in data["linked_records"]]
        found = [(call.workspace.object(slug), id_) for slug, id_ in pairs]
        task.linked = [(object_.id, id_) for object_, id_ in found if id_ in object_.records]
    if "assignees" in data:
        task.assignees = [_assignee(call, one) for one in data["assignees"]]


def _assignee(call: Call, given: dict[str, str]) -> str:
    wanted = given.get("referenced_actor_id") or given.get("workspace_member_email_address")
    for member in call.workspace.members.values():
        if wanted in (member.id, member.email_address):
            return member.id
    raise Refusal(404, "not_found", f'Workspace member with ID "{wanted}" not found.')


def list_tasks(call: Call) -> Answer:
    tasks = list(call.workspace.tasks.values())
    if "linked_object" in call.query and "linked_record_id" in call.query:
        object_ = call.workspace.object(call.query["linked_object"])
        link = (object_.id, call.query["linked_record_id"])
        tasks = [task for task in tasks if link in task.linked]
    if call.query.get("is_completed") in ("true", "false"):
        tasks = [t for t in tasks if t.is_completed is (call.query["is_completed"] == "true")]
    newest_first = call.query.get("sort") == "created_at:desc"
    tasks.sort(key=lambda task: task.created_at, reverse=newest_first)
    offset = call.number("offset", 0)
    chunk = tasks[offset : offset + call.number("limit", 500)]
    return Answer(body={"data": [_task_json(call.workspace, task) for task in chunk]})


def _task(call: Call) -> Task:
    id_ = call.params["task_id"]
    if id_ not in call.workspace.tasks:
        raise Refusal(404, "not_found", f'Could not find Task with ID "{id_}".')
    return call.workspace.tasks[id_]


def get_task(call: Call) -> Answer:
    return Answer(body={"data": _task_json(call.workspace, _task(call))})


def delete_task(call: Call) -> Answer:
    del call.workspace.tasks[_task(call).id]
    call.commit("delete", "tasks", call.params["task_id"], {})
    return Answer(body={})


# ---------------------------------------------------------------- members


def _member_json(workspace: Workspace, member: Member) -> dict[str, Any]:
    return {
        "id": {"workspace_id": workspace.id, "workspace_member_id": member.id},
        "first_name": member.first_name,
        "last_name": member.last_name,
        "avatar_url": None,
        "email_address": member.email_address,
        "access_level": member.access_level,
        "created_at": member.created_at,
    }


def list_members(call: Call) -> Answer:
    members = call.workspace.members.values()
    return Answer(body={"data": [_member_json(call.workspace, member) for member in members]})


def get_member(call: Call) -> Answer:
    id_ = call.params["member_id"]
    if id_ not in call.workspace.members:
        raise Refusal(404, "not_found", f'Workspace member with ID "{id_}" not found.')
    return Answer(body={"data": _member_json(call.workspace, call.workspace.members[id_])})
