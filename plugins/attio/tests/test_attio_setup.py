"""Custom objects, lists and what `crmwire setup` and `crmwire check` say of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from crmwire.connections import Connection
from crmwire.errors import RecordGone
from crmwire.mapping import load_mapping, load_preset
from crmwire.types import Key, Ref, Write, Written
from crmwire_attio.doubt import find_written
from crmwire_attio.settings import AttioMapping, NewAttribute, NewObject
from crmwire_attio.writing import write_records

ALL = "object_configuration:read-write record_permission:read-write note:read-write"


def mapping_of(conn: Connection, text: str | None = None) -> Any:
    raw = load_preset(text or conn.hooks.presets()["booking-record"], "preset")
    return load_mapping(raw, mapping_class=AttioMapping, source="Example")


def states(conn: Connection, mapping: Any, *steps: str) -> dict[str, str]:
    return {step.id: step.state for step in conn.hooks.set_up(mapping, steps)}


def set_up(conn: Connection, text: str | None = None) -> Any:
    mapping = mapping_of(conn, text)
    todo = [name for name, state in states(conn, mapping).items() if state == "todo"]
    assert set(states(conn, mapping, *todo).values()) <= {"done"}
    return mapping


# ---------------------------------------------------------------- setup


def test_nothing_is_changed_until_it_is_asked_for(world: Any, conn: Connection) -> None:
    told = states(conn, mapping_of(conn))
    assert told == {"object:bookings": "todo", "attributes:bookings": "todo"}
    assert not [one for one in world.sandbox.commits if one["action"] == "create"]


def test_object_is_made_with_its_attributes_and_choices(world: Any, conn: Connection) -> None:
    set_up(conn)
    bookings = world.workspace().objects["bookings"]
    assert (bookings.singular, bookings.plural) == ("Booking", "Bookings")
    assert bookings.attributes["booking_uid"].unique
    titles = [option.title for option in bookings.attributes["state"].options]
    assert titles == ["Booked", "Rescheduled", "Cancelled"]
    assert bookings.attributes["guests"].relation == ("people", "bookings")
    assert "bookings" in world.workspace().objects["people"].attributes


def test_setting_up_twice_changes_nothing(world: Any, conn: Connection) -> None:
    mapping = set_up(conn)
    commits = len(world.sandbox.commits)
    assert states(conn, mapping, "object:bookings", "attributes:bookings") == {
        "object:bookings": "done",
        "attributes:bookings": "done",
    }
    assert len(world.sandbox.commits) == commits


def test_what_is_missing_is_added(world: Any, conn: Connection) -> None:
    mapping = set_up(conn)
    bookings = world.workspace().objects["bookings"]
    del bookings.attributes["location"]
    bookings.attributes["state"].options.pop()
    steps = {step.id: step for step in conn.hooks.set_up(mapping)}
    assert steps["object:bookings"].state == "done"
    assert steps["attributes:bookings"].state == "todo"
    assert steps["attributes:bookings"].detail == "Makes location (text); state: Cancelled."
    states(conn, mapping, "attributes:bookings")
    assert "location" in bookings.attributes
    assert bookings.attributes["state"].options[-1].title == "Cancelled"


def test_lost_answer_to_a_step_is_made_good_by_the_next_try(start: Any) -> None:
    from crmwire.errors import Failure
    from crmwire.sandbox import Fault

    world = start()
    conn = world.connect()
    mapping = mapping_of(conn)
    world.faults(Fault(kind="lost_answer", method="POST", path="/v2/objects$", times=1))
    with pytest.raises(Failure):
        conn.hooks.set_up(mapping, ["object:bookings", "attributes:bookings"])
    told = states(conn, mapping, "object:bookings", "attributes:bookings")
    assert set(told.values()) == {"done"}


def test_token_that_may_not_set_up_says_so(world: Any, conn: Connection) -> None:
    world.admin("set_scopes", scopes=ALL.replace("configuration:read-write", "configuration:read"))
    steps = {step.id: step for step in conn.hooks.set_up(mapping_of(conn))}
    assert {step.state for step in steps.values()} == {"impossible"}
    assert "object_configuration:read-write" in steps["object:bookings"].remedy


def test_plan_that_refuses_says_so_and_what_happens_instead(start: Any) -> None:
    conn = start(custom_objects="0").connect()
    steps = conn.hooks.set_up(mapping_of(conn), ["object:bookings", "attributes:bookings"])
    told = {step.id: step for step in steps}
    assert told["object:bookings"].state == "impossible"
    assert "maximum number of custom objects" in told["object:bookings"].detail
    assert "written as notes" in told["object:bookings"].remedy


def test_attribute_that_is_there_and_does_not_fit_is_told(world: Any, conn: Connection) -> None:
    mapping = set_up(conn)
    bookings = world.workspace().objects["bookings"]
    bookings.attributes["booking_uid"].unique = False
    bookings.attributes["start_at"].type = "date"
    told = {step.id: step for step in conn.hooks.set_up(mapping)}
    assert "unique" in told["attribute:bookings.booking_uid"].detail
    assert "date" in told["attribute:bookings.start_at"].detail
    [finding] = [
        one for one in conn.hooks.check_mapping(mapping) if one.subject.endswith("booking_uid")
    ]
    assert finding.level == "error"


# ---------------------------------------------------------------- check


def found(conn: Connection, mapping: Any) -> Mapping[str, Any]:
    return {finding.subject: finding for finding in conn.hooks.check_mapping(mapping)}


def test_mapping_that_fits_has_no_findings(world: Any, conn: Connection) -> None:
    assert not found(conn, set_up(conn))
    linktime = mapping_of(conn, conn.hooks.presets()["linktime"])
    assert not found(conn, linktime)


def test_rows_that_do_not_fit_are_named(world: Any, conn: Connection) -> None:
    set_up(conn)
    text = conn.hooks.presets()["booking-record"]
    text = text.replace('state = "Rescheduled"', 'shoe_size = "39"')
    text = text.replace('state    = "Booked"', 'state    = "Bookd"')
    text = text.replace("[person.fields.people]", '[person.fields.people]\navatar_url = "x"')
    told = found(conn, mapping_of(conn, text))
    assert "no such attribute" in told["activity bookings.shoe_size"].message
    assert "Booked, Rescheduled, Cancelled" in told["activity bookings.state"].message
    assert "itself" in told["person people.avatar_url"].message
    assert all(finding.remedy for finding in told.values())


def test_check_says_what_set_up_would_make_and_what_may_have_been_meant(
    world: Any, conn: Connection
) -> None:
    mapping = mapping_of(conn)
    [missing] = [one for one in conn.hooks.check_mapping(mapping) if one.level == "warning"]
    assert missing.remedy == f"Run `crmwire setup {conn.name}`, which makes it."
    set_up(conn)
    more = conn.hooks.presets()["booking-record"] + 'seats = { title = "Seats" }\n'
    more = more.replace('details  = "{{ booking.notes }}"', 'seats = "2"\ndetials = "x"')
    told = found(conn, mapping_of(conn, more))
    assert told["activity bookings.seats"].remedy.startswith(f"Run `crmwire setup {conn.name}`")
    assert told["activity bookings.detials"].message.endswith("Is details meant?")


def test_scopes_that_the_mapping_needs_are_named(world: Any, conn: Connection) -> None:
    world.admin("set_scopes", scopes="object_configuration:read record_permission:read")
    told = [one.message for one in conn.hooks.check_mapping(mapping_of(conn))]
    assert any("record_permission:read-write" in message for message in told)


# ---------------------------------------------------------------- records of custom objects


@pytest.fixture
def bookings(world: Any, conn: Connection) -> Any:
    set_up(conn)
    return world.workspace().objects["bookings"]


def booking(uid: str = "b1", **fields: Any) -> Write:
    return Write(
        id=f"booking-{uid}",
        key=uid,
        group="delivery",
        role="activity",
        action="upsert",
        type="bookings",
        match=Key(types=("bookings",), name="booking_uid", value=uid),
        fields={"booking_uid": uid, "name": "Intro", **fields},
    )


def test_record_of_a_custom_object_takes_one_call_with_its_person(
    world: Any, conn: Connection, bookings: Any, make: Any
) -> None:
    person = make.person("ada@example.com")
    before = world.count
    write_records(conn, [person, booking(guests=Ref(write=person.id), start_at=make.now())])
    assert world.calls(before) == [
        "PUT /v2/objects/people/records",
        "PUT /v2/objects/bookings/records",
    ]
    [record] = bookings.records.values()
    [guest] = record.values["guests"]
    assert guest["target_record_id"] == world.person("ada@example.com").id


def test_record_is_found_by_its_key(world: Any, conn: Connection, bookings: Any, make: Any) -> None:
    write_records(conn, [booking()])
    query = make.query("b1", key="booking_uid", types=("bookings",), role="activity", fields={})
    [answer] = conn.hooks.find_records([query])
    [record] = answer.records  # type: ignore[union-attr]
    assert record.id in bookings.records


def test_object_that_is_not_there_has_no_records(world: Any, conn: Connection, make: Any) -> None:
    query = make.query("b1", key="booking_uid", types=("bookings",), role="activity", fields={})
    [answer] = conn.hooks.find_records([query])
    assert answer.records == ()  # type: ignore[union-attr]


def test_attributes_of_every_type_are_made_and_written_in_their_shape(
    world: Any, conn: Connection, make: Any
) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    moment = make.now()
    values = {
        "text": ("Hello", "value", "Hello"),
        "number": ("42", "value", 42),
        "checkbox": (True, "value", True),
        "currency": (99.54321, "currency_value", 99.5432),
        "date": (moment, "value", moment.date().isoformat()),
        "timestamp": ("2026-12-01T16:00:00+01:00", "value", "2026-12-01T15:00:00.000000000Z"),
        "rating": (4, "value", 4),
        "status": ("Open", "status", None),
        "select": (["Red", "Blue"], "option", None),
        "record-reference": (person, "target_record_id", person),
        "actor-reference": ("host@example.com", "referenced_actor_type", "workspace-member"),
        "location": ({"locality": "London"}, "locality", "London"),
        "domain": ("https://example.com/x", "domain", "example.com"),
        "email-address": (" Ada@Example.com", "email_address", "ada@example.com"),
        "phone-number": ("+442079460018", "phone_number", "+442079460018"),
    }
    slugs = {kind: kind.replace("-", "_") + "_x" for kind in values}
    new = {
        slug: NewAttribute(
            title=slug,
            type=kind,
            many=kind == "select",
            options={"select": ("Red", "Blue"), "status": ("Open",)}.get(kind, ()),
            to="people" if kind == "record-reference" else "",
            currency="EUR",
        )
        for kind, slug in slugs.items()
    }
    thing = NewObject(singular="Thing", plural="Things", attributes=new)
    mapping = attrs.evolve(mapping_of(conn), crm=AttioMapping(objects={"things": thing}))
    states(conn, mapping, "object:things", "attributes:things")
    write = Write(
        id="t",
        key="t",
        group=None,
        role="activity",
        action="create",
        type="things",
        fields={slugs[kind]: value for kind, (value, _, _) in values.items()},
    )
    [answer] = write_records(conn, [write])
    assert isinstance(answer, Written), answer
    [record] = world.workspace().objects["things"].records.values()
    for kind, (_, member, stored) in values.items():
        element = record.values[slugs[kind]][0]
        assert element["attribute_type"] == kind
        assert stored is None or element[member] == stored
    assert record.values[slugs["currency"]][0]["currency_code"] == "EUR"
    assert [one["option"]["title"] for one in record.values[slugs["select"]]] == ["Red", "Blue"]


@pytest.mark.parametrize(
    ("type_", "value"), [("rating", 6), ("date", "soon"), ("timestamp", "noon"), ("number", "x")]
)
def test_value_that_cannot_be_of_the_type_is_refused_unsent(
    world: Any, conn: Connection, make: Any, type_: str, value: object
) -> None:
    world.admin("add_attribute", object="people", slug="extra", type=type_)
    [answer] = write_records(conn, [make.person("ada@example.com", fields={"extra": value})])
    assert getattr(answer, "code", "") == "unfit_value"
    assert world.people() == []


def test_fields_that_count_on_create_only_fill_what_is_empty(
    world: Any, conn: Connection, make: Any
) -> None:
    """An assert by the address alone; its answer shows what is empty, and that is filled."""
    values = {"email_addresses": ["ada@example.com"], "job_title": "Countess"}
    world.admin("create_record", object="people", values=values)
    person = attrs.evolve(
        make.person("ada@example.com"), on_create={"job_title": "Guest", "name": "Ada Byron"}
    )
    before = world.count
    [answer] = write_records(conn, [person])
    assert isinstance(answer, Written)
    assert [call.partition(" ")[0] for call in world.calls(before)] == ["PUT", "PATCH"]
    record = world.person("ada@example.com")
    assert world.texts(record, "job_title") == ["Countess"]
    assert world.texts(record, "name") == ["Ada Byron"]


# ---------------------------------------------------------------- lists


@pytest.fixture
def leads(world: Any, conn: Connection) -> Any:
    from crmwire_attio import api

    data = {"name": "Leads", "api_slug": "leads", "parent_object": "people"}
    data |= {"workspace_access": "full-access"}
    conn.http.send(api.make({**data, "workspace_member_access": []}, "lists"))
    made = {"title": "Source", "description": None, "api_slug": "source", "type": "text"}
    flags = dict.fromkeys(("is_required", "is_unique", "is_multiselect"), False)
    conn.http.send(api.make({**made, **flags, "config": {}}, "lists", "leads", "attributes"))
    return world.workspace().lists["leads"]


def entry(make: Any, person: str | Ref, **more: Any) -> Write:
    fields = more.pop("fields", {"source": "Booking"})
    return attrs.evolve(make.note(person, fields=fields, **more), type="lists/leads")


def test_person_is_put_into_a_list_once(
    world: Any, conn: Connection, leads: Any, make: Any
) -> None:
    person = make.person("ada@example.com")
    for _ in range(2):
        answers = write_records(conn, [person, entry(make, Ref(write=person.id))])
        assert all(isinstance(answer, Written) for answer in answers), answers
    [made] = leads.records.values()
    assert made.parent == ("people", world.person("ada@example.com").id)
    assert world.texts(made, "source") == ["Booking"]


def test_entry_is_changed_and_taken_out(
    world: Any, conn: Connection, leads: Any, make: Any
) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    [made] = write_records(conn, [entry(make, person)])
    assert isinstance(made, Written)
    change = entry(make, person, action="update", record=made.record, fields={"source": "Call"})
    write_records(conn, [change])
    assert world.texts(leads.records[made.record], "source") == ["Call"]
    gone = entry(make, person, action="delete", record=made.record)
    for _ in range(2):
        assert isinstance(write_records(conn, [gone])[0], Written)
    assert leads.records == {}


def test_entry_of_somebody_gone_names_the_person(
    world: Any, conn: Connection, leads: Any, make: Any
) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    world.admin("delete_record", object="people", record_id=person)
    [answer] = write_records(conn, [entry(make, person)])
    assert isinstance(answer, RecordGone)
    assert (answer.type, answer.record) == ("people", person)


def test_entry_in_doubt_is_written_again_since_that_doubles_nothing(
    world: Any, conn: Connection, leads: Any, make: Any
) -> None:
    person = world.admin("create_record", object="people", values={})["record_id"]
    write = attrs.evolve(entry(make, person), sent_at=make.now())
    write_records(conn, [write])
    assert find_written(conn, [write]) == [[]]
    write_records(conn, [write])
    assert len(leads.records) == 1


def test_attributes_of_a_list_are_listed(world: Any, conn: Connection, leads: Any) -> None:
    names = {field.name for field in conn.hooks.list_fields("lists/leads") or ()}
    assert "source" in names


def test_booking_records_and_lists_stand_on_the_timeline(
    world: Any, conn: Connection, bookings: Any, leads: Any, make: Any
) -> None:
    person = make.person("ada@example.com")
    writes = [person, booking(guests=Ref(write=person.id)), entry(make, Ref(write=person.id))]
    write_records(conn, writes)
    [shown] = world.sandbox.timelines(world.workspace())
    assert {one.type for one in shown.entries} == {"booking", "list"}
    assert world.sandbox.unattached(world.workspace()) == []
