"""Tasks.

docs.attio.com/rest-api/endpoint-reference/tasks (read 2026-11).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from crmwire_attio.sandbox_app.answers import Answer, Refusal, bad_body, checked, exact, stamp
from crmwire_attio.sandbox_app.call import Call, Endpoint, Handler
from crmwire_attio.sandbox_app.workspace import Task, Workspace

_ALSO = ("object_configuration:read", "record_permission:read", "user_management:read")
_TASK = {
    "content": "string",
    "format": "string",
    "deadline_at": "string?",
    "is_completed": "boolean",
    "linked_records": "array",
    "assignees": "array",
}
_LONGEST = 2000
"""Characters of a task."""


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
    if len(data["content"]) > _LONGEST:
        raise bad_body({"code": "too_big", "path": ["data", "content"], "message": "Too long"})
    task = Task(
        content=data["content"],
        deadline_at=None,
        is_completed=False,
        completed_at=None,
        linked=[],
        assignees=[],
        created_by=call.access.actor,
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


def _endpoint(method: str, path: str, handler: Handler) -> Endpoint:
    is_read = method == "GET"
    scope = "task:read" if is_read else "task:read-write"
    return Endpoint(
        method=method,
        path=path,
        handler=handler,
        scopes=(scope,) if method == "DELETE" else (scope, *_ALSO),
        limits=("read",) if is_read else ("write",),
    )


ENDPOINTS = (
    _endpoint("GET", "/v2/tasks", list_tasks),
    _endpoint("POST", "/v2/tasks", create_task),
    _endpoint("GET", "/v2/tasks/{task_id}", get_task),
    _endpoint("PATCH", "/v2/tasks/{task_id}", change_task),
    _endpoint("DELETE", "/v2/tasks/{task_id}", delete_task),
)
