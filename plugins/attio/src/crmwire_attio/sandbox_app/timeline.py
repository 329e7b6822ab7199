"""What a person sees: everybody with their notes, tasks, lists and records of other objects."""

from __future__ import annotations

from collections.abc import Iterator

from crmwire.sandbox import TimelineEntry, TimelinePerson
from crmwire_attio.sandbox_app import store
from crmwire_attio.sandbox_app.workspace import Note, Object, Record, Task, Workspace


def people(workspace: Workspace) -> list[TimelinePerson]:
    object_ = workspace.objects["people"]
    shown = [slug for slug, attribute in object_.attributes.items() if attribute.writable]
    return [
        TimelinePerson(
            type="person",
            id=record.id,
            name=next((one["full_name"] for one in record.values["name"]), ""),
            email=next((one["email_address"] for one in record.values["email_addresses"]), ""),
            fields={
                slug: value
                for slug, value in store.plain(object_, record, dict.fromkeys(shown)).items()
                if value
            },
            entries=tuple(_entries(workspace, record)),
        )
        for record in object_.records.values()
    ]


def of_nobody(workspace: Workspace) -> list[TimelineEntry]:
    """Tasks and records of custom objects that are linked to no person."""
    tasks = [_of_task(task) for task in workspace.tasks.values() if not task.linked]
    return tasks + [
        _of_record(object_, record)
        for object_, record in _custom(workspace)
        if not any(target == "people" for target, _ in _targets(object_, record))
    ]


def _entries(workspace: Workspace, person: Record) -> Iterator[TimelineEntry]:
    place = ("people", person.id)
    for note in workspace.notes_on(*place):
        yield _of_note(note)
    people_id = workspace.objects["people"].id
    for task in workspace.tasks.values():
        if (people_id, person.id) in task.linked:
            yield _of_task(task)
    for object_, record in _custom(workspace):
        if place in _targets(object_, record):
            yield _of_record(object_, record)
    for list_ in workspace.lists.values():
        for entry in list_.records.values():
            if entry.parent == place:
                yield TimelineEntry(
                    type="list", id=entry.id, title=list_.singular, start=entry.created_at
                )


def _custom(workspace: Workspace) -> Iterator[tuple[Object, Record]]:
    for object_ in workspace.objects.values():
        if object_.custom:
            yield from ((object_, record) for record in object_.records.values())


def _targets(object_: Object, record: Record) -> Iterator[tuple[str, str]]:
    for slug, attribute in object_.attributes.items():
        if attribute.type == "record-reference":
            for element in record.values[slug]:
                yield element["target_object"], element["target_record_id"]


def _of_record(object_: Object, record: Record) -> TimelineEntry:
    told = store.plain(object_, record, dict.fromkeys(object_.attributes))
    kinds = {slug: attribute.type for slug, attribute in object_.attributes.items()}
    times = [
        told[slug]
        for slug, kind in kinds.items()
        if kind == "timestamp" and object_.attributes[slug].writable and told[slug]
    ]
    states = [told[slug] for slug, kind in kinds.items() if kind in ("select", "status")]
    texts = [
        f"{object_.attributes[slug].title}: {told[slug]}"
        for slug, kind in kinds.items()
        if kind == "text" and object_.attributes[slug].writable and slug != "name" and told[slug]
    ]
    return TimelineEntry(
        type=object_.singular.lower(),
        id=record.id,
        title=str(told.get("name") or object_.singular),
        start=times[0] if times else record.created_at,
        end=times[1] if len(times) > 1 else "",
        status=str(states[0] or "").lower() if states else "",
        text="\n".join(texts),
    )


def _of_note(note: Note) -> TimelineEntry:
    return TimelineEntry(
        type="note",
        id=note.id,
        title=note.title,
        start=note.created_at,
        text=note.content_plaintext,
    )


def _of_task(task: Task) -> TimelineEntry:
    return TimelineEntry(
        type="task",
        id=task.id,
        title=task.content,
        start=task.deadline_at or "",
        status="completed" if task.is_completed else "",
    )
