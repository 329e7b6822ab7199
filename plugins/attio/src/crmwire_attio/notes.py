"""Writing notes. A note stands on one record, its parent, and has no key of its own.

docs.attio.com/rest-api/endpoint-reference/notes (read 2026-11).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from crmwire.errors import RecordGone, Rejected
from crmwire.types import Write, Written
from crmwire_attio import api
from crmwire_attio.flows import Flow

TITLE, CONTENT, FORMAT, CREATED_AT = "title", "content", "format", "created_at"
FIELDS = (TITLE, CONTENT, FORMAT, CREATED_AT)


def write_note(write: Write) -> Flow[Written]:
    """Do one write of a note. Raises (in the flow): the Failure that ends it."""
    if write.action == "delete":
        response = yield from api.remove("notes", str(write.record))
        return Written(
            id=write.id, type="notes", record=str(write.record), request_id=response.request_id
        )
    if write.action == "upsert":
        raise Rejected(
            "Notes have no unique key in Attio.",
            remedy="Take `match` out of the mapping's table for notes.",
            code="no_key",
        )
    data = body(write)
    if write.action == "update":
        response = yield api.change("notes", str(write.record), data)
    else:
        object_, record = parent(write)
        try:
            response = yield api.add(
                "notes", {"parent_object": object_, "parent_record_id": record, **data}
            )
        except RecordGone as gone:
            # What is not found is the parent: deleted, or merged under a new id.
            gone.type, gone.record = object_, record
            raise
    return Written(
        id=write.id,
        type="notes",
        record=api.id_of(api.row(response), "note"),
        created=write.action == "create",
        request_id=response.request_id,
    )


def parent(write: Write) -> tuple[str, str]:
    """The object and the id of the record that the note stands on.

    Raises: Rejected if the write names none.
    """
    if not write.about or not isinstance(write.about[0].record, str):
        raise Rejected(
            "A note needs a record to stand on.",
            remedy='Add about = ["person"] to the mapping\'s table for notes.',
            code="no_parent",
            fields=("about",),
        )
    return write.about[0].type, write.about[0].record


def body(write: Write) -> dict[str, Any]:
    """A note's members as the API takes them; an update sends only those that it changes."""
    unknown = sorted(set(write.fields) - set(FIELDS))
    if unknown:
        raise Rejected(
            f"Notes have no field {unknown[0]!r}; they have {', '.join(FIELDS)}.",
            remedy="Take the row out of the mapping; then retry.",
            code="unknown_attribute",
            fields=unknown,
        )
    data: dict[str, Any] = {}
    if TITLE in write.fields or write.action == "create":
        data[TITLE] = title(write)
    if CONTENT in write.fields or write.action == "create":
        # New content replaces all of the old, and is read by the format beside it.
        data[FORMAT] = str(write.fields.get(FORMAT) or "plaintext")
        data[CONTENT] = str(write.fields.get(CONTENT) or "")
    created = write.fields.get(CREATED_AT)
    if created is not None and write.action == "create":
        data[CREATED_AT] = str(created)
        if isinstance(created, datetime):
            data[CREATED_AT] = api.written_time(created)
    return data


def title(write: Write) -> str:
    """The title on one line, as it is sent and looked for."""
    return " ".join(str(write.fields.get(TITLE) or "").split())


def listing(object_: str, record: str) -> Flow[list[api.Row]]:
    """All notes of one record; none if the record is gone."""
    found: list[api.Row] = []
    for _ in range(api.CHUNKS):
        response = yield api.list_notes(len(found), (object_, record))
        if response.status == 404:
            return found
        chunk = api.rows(response)
        found += chunk
        if len(chunk) < api.NOTES_PAGE:
            return found
    raise api.endless()


def newest(since: datetime) -> Flow[list[api.Row]]:
    """The notes of the whole workspace that were made since then.

    They are listed oldest first (recorded 2026-05) and their number is told nowhere, so the last
    chunk is searched for: some twenty calls where there are a hundred thousand.
    """
    chunks: dict[int, list[api.Row]] = {}

    def chunk(number: int) -> Flow[list[api.Row]]:
        if number not in chunks:
            chunks[number] = api.rows((yield api.list_notes(number * api.NOTES_PAGE)))
        return chunks[number]

    beyond = 1
    while (yield from chunk(beyond)):
        beyond *= 2
    last = beyond // 2
    while beyond - last > 1:
        middle = (last + beyond) // 2
        if (yield from chunk(middle)):
            last = middle
        else:
            beyond = middle
    found: list[api.Row] = []
    for number in range(last, -1, -1):
        rows = yield from chunk(number)
        found = [*rows, *found]
        made = api.parsed_time(rows[0].get("created_at")) if rows else None
        if made is not None and made < since:
            break
    return found
