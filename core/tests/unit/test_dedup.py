"""Which record is meant, and what may be written to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmwire.dedup import (
    as_list,
    blank,
    can_upsert,
    chosen,
    keys_of,
    merged_fields,
    normal_key,
    origin_of,
    same,
)
from crmwire.types import (
    Candidates,
    Draft,
    DraftField,
    Event,
    Key,
    Link,
    Match,
    Query,
    Record,
    RecordRef,
    UserRef,
    WritePolicy,
)


def draft(**more: Any) -> Draft:
    fields = {
        "Contact": (
            DraftField(name="Email", value="Ada@Example.com ", write=WritePolicy.IF_EMPTY),
            DraftField(name="Phone", value="+1", write=WritePolicy.ALWAYS),
        )
    }
    made = Draft(
        id="d", role="person", types=("Contact",), create_type="Contact",
        match=("link", "Email"), fields=fields,
    )  # fmt: skip
    return attrs.evolve(made, **more)


def found(*records: Record, key: str = "Email") -> Candidates:
    query = Query(id="q", role="person", types=("Contact", "Lead"), key=key, value="x")
    return Candidates(query=query, records=records)


def record(id_: str, type_: str = "Contact", **more: Any) -> Record:
    return Record(type=type_, id=id_, **more)


def at(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


def test_addresses_are_keys_in_lower_case_with_plus_and_dots_kept() -> None:
    assert keys_of(draft()) == (Key(types=("Contact",), name="Email", value="ada@example.com"),)
    assert normal_key(" A.B+c@X.org ") == "a.b+c@x.org"


def test_a_record_id_that_the_event_names_is_a_key() -> None:
    keys = keys_of(draft(match=("record", "Email"), record=" 003x "))
    assert [(key.name, key.value) for key in keys] == [("id", "003x"), ("Email", "ada@example.com")]


def test_an_event_that_names_no_record_has_no_key_for_one() -> None:
    assert keys_of(draft(match=("record",))) == ()
    assert keys_of(draft(match=("record",), record="003x")) == (
        Key(types=("Contact",), name="id", value="003x"),
    )


def test_link_and_record_are_never_taken_for_names_of_fields() -> None:
    fields = {
        "Contact": tuple(
            DraftField(name=name, value="x", write=WritePolicy.ALWAYS)
            for name in ("link", "record")
        )
    }
    assert keys_of(draft(match=("link", "record"), fields=fields)) == ()


def test_a_key_that_the_draft_has_no_value_for_is_left_out() -> None:
    assert [key.name for key in keys_of(draft(match=("Mobile", "Phone")))] == ["Phone"]


def of(name: str, value: Any, write: WritePolicy = WritePolicy.ALWAYS) -> DraftField:
    return DraftField(name=name, value=value, write=write)


def test_a_key_is_looked_up_once_in_the_types_that_have_its_field_and_are_looked_in() -> None:
    fields = {
        "Lead": (of("Email", "ada@example.com"), of("Phone", "+1")),
        "Contact": (of("Email", "ada@example.com"), of("Phone", "+1")),
        "Account": (of("Site", "example.com"), of("Phone", "+1")),
        "User": (of("Email", "ada@example.com"),),
    }
    keys = keys_of(
        draft(types=("Lead", "Account"), match=("Email", "Site", "Phone"), fields=fields)
    )
    assert [(key.name, key.types) for key in keys] == [
        ("Email", ("Lead",)),
        ("Site", ("Account",)),
        ("Phone", ("Lead", "Account")),
    ]
    assert keys_of(draft(types=("Task",), match=("Email",), fields=fields)) == ()


def test_of_several_values_the_first_is_the_key() -> None:
    fields = {"Contact": (of("Email", ["Ada@Example.com", "b@example.com"]),)}
    assert [key.value for key in keys_of(draft(fields=fields))] == ["ada@example.com"]


@pytest.mark.parametrize("value", [RecordRef(role="company"), UserRef(email="a@example.com")])
def test_a_reference_to_another_record_is_no_key(value: Any) -> None:
    assert keys_of(draft(fields={"Contact": (of("Email", value),)})) == ()


def test_the_first_type_looked_in_wins() -> None:
    wanted = draft(types=("Lead", "Contact"))
    match = chosen(wanted, [found(record("c"), record("l", "Lead"))])
    assert match.record == record("l", "Lead")


def test_a_live_record_beats_one_that_became_another() -> None:
    match = chosen(draft(), [found(record("old", alias_of="new"), record("new"))])
    assert match.record == record("new")


def test_the_first_key_that_finds_anything_wins() -> None:
    match = chosen(draft(), [found(), found(record("p"), key="Phone")])
    assert (match.record, match.why) == (record("p"), "matched by Phone")


@pytest.mark.parametrize(("several", "wins"), [("newest", "b"), ("oldest", "a"), ("active", "a")])
def test_several_matches_are_decided_by_the_mapping(several: str, wins: str) -> None:
    records = (
        record("a", created_at=at(1), last_activity_at=at(9)),
        record("b", created_at=at(2), last_activity_at=at(3)),
    )
    match = chosen(draft(several=several), [found(*records)])
    assert match.record is not None
    assert match.record.id == wins


@pytest.mark.parametrize(("several", "wins"), [("newest", "a"), ("oldest", "a"), ("active", "a")])
def test_a_record_whose_date_the_crm_does_not_tell_wins_over_none(several: str, wins: str) -> None:
    records = (record("b"), record("a", created_at=at(1), last_activity_at=at(9)))
    match = chosen(draft(several=several), [found(*records)])
    assert match.record is not None
    assert match.record.id == wins


def test_several_matches_are_left_alone_if_the_mapping_says_so() -> None:
    match = chosen(draft(several="skip"), [found(record("a"), record("b"))])
    assert (match.action, match.why) == ("skip", "2 records match by Email")
    assert chosen(draft(several="skip"), [found(record("a"))]).action == "update"


def test_records_that_all_became_others_still_match() -> None:
    match = chosen(draft(), [found(record("old", alias_of="new"))])
    assert (match.action, match.type, match.record) == (
        "update",
        "Contact",
        record("old", alias_of="new"),
    )


def test_a_record_of_a_type_that_is_not_looked_in_does_not_match() -> None:
    assert chosen(draft(), [found(record("l", "Lead"))]).action == "create"


def test_several_matches_hold_with_the_candidates_by_default() -> None:
    match = chosen(draft(), [found(record("a"), record("b"))])
    assert (match.action, len(match.candidates)) == ("hold", 2)


def test_nobody_matched_creates_or_skips_or_holds_as_the_mapping_says() -> None:
    created = chosen(draft(), [found()])
    assert (created.action, created.type, created.why) == (
        "create",
        "Contact",
        "no record matches",
    )
    assert chosen(draft(create_type=None), [found()]).action == "skip"
    assert chosen(draft(create_type=None, if_none="hold"), [found()]).action == "hold"


def test_a_guest_with_nothing_to_match_by_is_held_unless_the_mapping_creates() -> None:
    held = chosen(draft(), [])
    assert (held.action, held.why) == ("hold", "nothing to match by")
    made = chosen(draft(create_without_key=True), [])
    assert (made.action, made.why) == ("create", "there is nothing to match by")


def test_a_record_is_upserted_only_if_everything_is_always_written() -> None:
    keys = keys_of(draft())
    assert can_upsert(draft(), keys, ("Email",)) == keys[0]
    assert can_upsert(draft(), keys, ()) is None
    assert can_upsert(draft(update=False), keys, ("Email",)) is None
    assert can_upsert(draft(), [*keys, keys[0]], ("Email",)) is None
    assert can_upsert(draft(), [], ("Email",)) is None
    assert can_upsert(draft(create_type="Lead"), keys, ("Email",)) is None
    link = Link(role="person", item="", type="Contact", record="003x")
    assert can_upsert(draft(link=link), keys, ("Email",)) is None
    assert can_upsert(draft(types=("Lead", "Contact")), keys, ("Email",)) is None
    careful = (
        *draft().fields["Contact"],
        DraftField(name="X", value="1", write=WritePolicy.IF_EMPTY),
    )
    assert can_upsert(draft(fields={"Contact": careful}), keys, ("Email",)) is None


def changes(fields: dict[str, Any], policy: WritePolicy, value: Any = "new", **more: Any) -> Any:
    wanted = draft(fields={"Contact": (DraftField(name="F", value=value, write=policy),)}, **more)
    match = Match(action="update", type="Contact", record=record("a", fields=fields))
    (change,) = merged_fields(wanted, match)
    return change


@pytest.mark.parametrize(
    ("policy", "old", "written"),
    [
        (WritePolicy.ALWAYS, "old", True),
        (WritePolicy.ALWAYS, "new ", False),
        (WritePolicy.IF_EMPTY, "old", False),
        (WritePolicy.IF_EMPTY, " ", True),
        (WritePolicy.IF_EMPTY, None, True),
        (WritePolicy.ON_CREATE, None, False),
        (WritePolicy.ON_UPDATE, "old", True),
        (WritePolicy.ADD, ["old"], True),
        (WritePolicy.ADD, ["New", "new"], False),
    ],
)
def test_policies_on_a_record_that_is_there(policy: WritePolicy, old: Any, written: bool) -> None:
    assert changes({"F": old}, policy).written is written


def test_what_was_not_read_is_not_taken_for_empty() -> None:
    assert not changes({}, WritePolicy.IF_EMPTY).written


def test_existing_records_are_left_alone_if_the_mapping_says_so() -> None:
    assert not changes({"F": "old"}, WritePolicy.ALWAYS, update=False).written


def test_references_are_sent_on_create_only() -> None:
    assert not changes({"F": None}, WritePolicy.ALWAYS, RecordRef(role="person")).written


@given(
    policy=st.sampled_from(list(WritePolicy)),
    old=st.one_of(st.none(), st.text(max_size=5), st.lists(st.text(max_size=3), max_size=3)),
    new=st.text(min_size=1, max_size=5).filter(lambda text: bool(text.strip())),
)
def test_merging_is_idempotent_and_never_blanks_a_value(
    policy: WritePolicy, old: Any, new: str
) -> None:
    change = changes({"F": old}, policy, new)
    if not change.written:
        return
    assert not blank(change.new)
    after = [*(old if isinstance(old, list) else [old]), new] if change.add else new
    assert policy is WritePolicy.ON_UPDATE or not changes({"F": after}, policy, new).written


def test_references_are_sent_with_a_new_record_and_its_owner_with_every_change() -> None:
    owner = changes({"F": "005x"}, WritePolicy.ALWAYS, UserRef(email="a@example.com"))
    assert (owner.written, owner.why) == (True, "the mapping asks for it")
    assert changes({"F": None}, WritePolicy.ALWAYS, RecordRef(role="person")).why == (
        "only on create"
    )


@pytest.mark.parametrize("policy", list(WritePolicy))
@pytest.mark.parametrize("action", ["create", "upsert"])
def test_a_new_record_gets_all_but_what_is_for_updates(action: Any, policy: WritePolicy) -> None:
    wanted = draft(fields={"Contact": (of("F", "new", policy),)})
    (change,) = merged_fields(wanted, Match(action=action, type="Contact"))
    later = policy is WritePolicy.ON_UPDATE
    assert change.written is not later
    assert change.why == (
        "only on update" if later else "new record" if action == "create" else "always"
    )
    assert change.add is (policy is WritePolicy.ADD and action == "upsert")
    assert (change.name, change.old, change.new) == ("F", None, "new")


@pytest.mark.parametrize("action", ["skip", "hold", "delete"])
def test_nothing_is_written_to_what_is_skipped_held_or_deleted(action: Any) -> None:
    assert merged_fields(draft(), Match(action=action, type="Contact")) == ()
    assert merged_fields(draft(), Match(action=action, type="Contact", record=record("a"))) == ()


def test_only_the_fields_of_the_records_type_are_written() -> None:
    wanted = draft(fields={"Lead": (of("A", "x"),), "Contact": (of("B", "x"),)})
    (change,) = merged_fields(wanted, Match(action="update", type="Lead", record=record("l")))
    assert change.name == "A"
    assert merged_fields(wanted, Match(action="create")) == ()


def test_a_record_that_cannot_be_written_is_left_as_it_is_and_says_so() -> None:
    match = Match(action="update", type="Contact", record=record("a", writable=False))
    (email, phone) = merged_fields(draft(), match)
    assert (phone.written, phone.why) == (False, "the record cannot be written")
    assert (email.written, email.why) == (False, "not read, so not known to be empty")


@pytest.mark.parametrize(
    ("policy", "fields", "why"),
    [
        (WritePolicy.ALWAYS, {"F": "old"}, "always"),
        (WritePolicy.ALWAYS, {}, "always"),
        (WritePolicy.ALWAYS, {"F": "new"}, "unchanged"),
        (WritePolicy.ON_UPDATE, {"F": "old"}, "on update"),
        (WritePolicy.ON_UPDATE, {}, "on update"),
        (WritePolicy.IF_EMPTY, {"F": ""}, "was empty"),
        (WritePolicy.IF_EMPTY, {"F": "x"}, "already filled"),
        (WritePolicy.ADD, {"F": ["old"]}, "joins the list"),
        (WritePolicy.ADD, {"F": ["new"]}, "already there"),
        (WritePolicy.ADD, {}, "joins the list"),
    ],
)
def test_a_change_tells_what_stood_there_and_why_it_is_written(
    policy: WritePolicy, fields: dict[str, Any], why: str
) -> None:
    change = changes(fields, policy)
    assert (change.why, change.old) == (why, fields.get("F"))
    assert change.add is (policy is WritePolicy.ADD)


def test_what_joins_a_list_does_so_if_one_of_it_is_missing() -> None:
    assert changes({"F": ["a"]}, WritePolicy.ADD, ["a", "b"]).written
    assert not changes({"F": ["b", "a"]}, WritePolicy.ADD, ["a", "b"]).written


def test_values_are_the_same_trimmed_and_addresses_in_any_case() -> None:
    assert same(" a ", "a")
    assert same("A@Example.com", "a@example.com ")
    assert not same("A", "a")
    assert not same("a@example.com", "b@example.com")
    assert same(1, 1)
    assert not same(1, 2)
    assert not same(1, True)  # not the same to a CRM
    assert not same("1", 1)
    assert not same(None, "")


def test_one_value_is_a_list_of_one() -> None:
    assert as_list("ab") == ["ab"]
    assert as_list(("a", "b")) == ["a", "b"]


def test_only_nothing_blanks_and_empty_lists_count_as_empty() -> None:
    empty: list[Any] = [None, "", " \n", []]
    filled: list[Any] = [0, False, "x", ["x"]]
    assert all(blank(value) for value in empty)
    assert not any(blank(value) for value in filled)


def test_a_subject_is_known_by_its_first_id_in_its_feed() -> None:
    def told(id_: str, *before: str) -> Event:
        return Event(type="booking.created", subject_id=id_, previous_ids=before, occurred_at=at(1))

    origin = origin_of("cal", told("b", "a"))
    assert origin == origin_of("cal", told("a")) == origin_of("cal", told("c", "a", "b"))
    assert len({origin, origin_of("other", told("a")), origin_of("cal", told("b"))}) == 3
    assert len(origin) == 16
    assert int(origin, 16) >= 0
