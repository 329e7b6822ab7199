"""Which record is meant, and what may be written to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmwire.dedup import blank, can_upsert, chosen, keys_of, merged_fields, normal_key
from crmwire.types import (
    Candidates,
    Draft,
    DraftField,
    Key,
    Match,
    Query,
    Record,
    RecordRef,
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


def test_several_matches_hold_with_the_candidates_by_default() -> None:
    match = chosen(draft(), [found(record("a"), record("b"))])
    assert (match.action, len(match.candidates)) == ("hold", 2)


def test_nobody_matched_creates_or_skips_or_holds_as_the_mapping_says() -> None:
    assert chosen(draft(), [found()]).action == "create"
    assert chosen(draft(create_type=None), [found()]).action == "skip"
    assert chosen(draft(create_type=None, if_none="hold"), [found()]).action == "hold"


def test_a_guest_with_nothing_to_match_by_is_held_unless_the_mapping_creates() -> None:
    assert chosen(draft(), []).why == "nothing to match by"
    assert chosen(draft(create_without_key=True), []).action == "create"


def test_a_record_is_upserted_only_if_everything_is_always_written() -> None:
    keys = keys_of(draft())
    assert can_upsert(draft(), keys, ("Email",)) == keys[0]
    assert can_upsert(draft(), keys, ()) is None
    assert can_upsert(draft(update=False), keys, ("Email",)) is None
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
