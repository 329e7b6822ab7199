"""A public client library works against the sandbox.

`attio` (PyPI) is generated from the vendor's own specification and checks every answer's shape
against it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    attio = pytest.importorskip("attio")


@pytest.fixture
def client(world: Any) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with attio.SDK(oauth2="sandbox", server_url=world.url) as sdk:
            yield sdk


def test_client_identifies_itself(client: Any, world: Any) -> None:
    told = client.meta.get_v2_self()
    assert told.workspace_id == world.workspace().id


def test_client_asserts_finds_and_deletes_a_person(client: Any, world: Any) -> None:
    name = {"first_name": "Ada", "last_name": "Byron", "full_name": "Ada Byron"}
    values = {"email_addresses": ["ada@example.com"], "name": [name]}
    ids = {
        client.records.put_v2_objects_object_records(
            object="people", matching_attribute="email_addresses", data={"values": values}
        ).data.id.record_id
        for _ in range(2)
    }
    assert ids == {world.person("ada@example.com").id}
    found = client.records.post_v2_objects_object_records_query(
        object="people", filter_={"email_addresses": "ada@example.com"}
    )
    assert [row.id.record_id for row in found.data] == list(ids)
    [id_] = ids
    client.records.patch_v2_objects_object_records_record_id_(
        object="people", record_id=id_, data={"values": {"job_title": ["Countess"]}}
    )
    assert world.texts(world.person("ada@example.com"), "job_title") == ["Countess"]
    client.records.delete_v2_objects_object_records_record_id_(object="people", record_id=id_)
    assert world.people() == []


def test_client_writes_changes_and_lists_notes(client: Any, world: Any) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    data = {"parent_object": "people", "parent_record_id": person, "title": "Intro"}
    data |= {"format": "plaintext", "content": "Hello"}
    made = client.notes.post_v2_notes(data=data).data
    client.notes.patch_v2_notes_note_id_(
        note_id=made.id.note_id, data={"format": "plaintext", "content": "Moved"}
    )
    listed = client.notes.get_v2_notes(parent_object="people", parent_record_id=person).data
    assert [note.content_plaintext for note in listed] == ["Moved"]
    client.notes.delete_v2_notes_note_id_(note_id=made.id.note_id)
    assert world.titles() == []


def test_client_makes_an_object_with_a_unique_attribute(client: Any, world: Any) -> None:
    client.objects.post_v2_objects(
        data={"api_slug": "bookings", "singular_noun": "Booking", "plural_noun": "Bookings"}
    )
    client.attributes.post_v2_target_identifier_attributes(
        target="objects",
        identifier="bookings",
        data={
            "title": "Booking ID",
            "description": None,
            "api_slug": "booking_uid",
            "type": "text",
            "is_required": False,
            "is_unique": True,
            "is_multiselect": False,
            "config": {},
        },
    )
    for _ in range(2):
        client.records.put_v2_objects_object_records(
            object="bookings",
            matching_attribute="booking_uid",
            data={"values": {"booking_uid": ["b1"]}},
        )
    assert len(world.workspace().objects["bookings"].records) == 1


def test_client_puts_a_person_into_a_list(client: Any, world: Any) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    client.lists.post_v2_lists(
        data={
            "name": "Leads",
            "api_slug": "leads",
            "parent_object": "people",
            "workspace_access": "full-access",
            "workspace_member_access": [],
        }
    )
    data = {"parent_object": "people", "parent_record_id": person, "entry_values": {}}
    for _ in range(2):
        client.entries.put_v2_lists_list_entries(list_id="leads", data=data)
    listed = client.entries.post_v2_lists_list_entries_query(list_id="leads").data
    assert [entry.parent_record_id for entry in listed] == [person]


def test_client_writes_a_task(client: Any, world: Any) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    made = client.tasks.post_v2_tasks(
        data={
            "content": "Call Ada",
            "format": "plaintext",
            "deadline_at": None,
            "is_completed": False,
            "linked_records": [{"target_object": "people", "target_record_id": person}],
            "assignees": [],
        }
    ).data
    assert made.content_plaintext == "Call Ada"
    assert [task.id.task_id for task in client.tasks.get_v2_tasks().data] == [made.id.task_id]


def test_client_lists_what_a_workspace_is_made_of(client: Any, world: Any) -> None:
    objects = {one.api_slug for one in client.objects.get_v2_objects().data}
    assert objects == {"people", "companies"}
    listed = client.attributes.get_v2_target_identifier_attributes(
        target="objects", identifier="people"
    )
    assert "email_addresses" in {one.api_slug for one in listed.data}
    members = client.workspace_members.get_v2_workspace_members().data
    assert [member.email_address for member in members] == ["host@example.com"]


def test_client_reads_the_refusals(client: Any, world: Any) -> None:
    values = {"email_addresses": ["ada@example.com"]}
    world.admin("create_record", object="people", values=values)
    with pytest.raises(Exception, match="uniqueness") as caught:
        client.records.post_v2_objects_object_records(object="people", data={"values": values})
    assert getattr(caught.value, "status_code", 400) == 400
