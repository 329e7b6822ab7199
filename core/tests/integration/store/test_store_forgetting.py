"""What is left of a person who was forgotten, table by table."""

from __future__ import annotations

import json
from typing import Any

import attrs

from crmwire.store import forgetting, records, setup, tombstones
from crmwire.vocabulary import Person

ADA, BOB = "ada@example.com", "bob@example.com"


def find(box: Any, email: str = ADA) -> forgetting.Found:
    with box.store.read() as db:
        return forgetting.find(db, email)


def with_guests(box: Any, uid: str, *emails: str, **more: Any) -> Any:
    event = box.event(uid, **more)
    details = attrs.evolve(event.details, guests=tuple(Person(email=one) for one in emails))
    return attrs.evolve(event, details=details)


# ---------------------------------------------------------------- found


def test_bookings_of_a_person_and_those_that_they_are_one_of_several_of_are_told_apart(
    box: Any,
) -> None:
    box.accept(
        box.event("theirs"),
        with_guests(box, "among", ADA, email=BOB),
        box.event("bobs", email=BOB),
        box.event("longer", email="not-" + ADA),
        box.event("kind", ignored="of no kind that is carried"),
        with_guests(box, "both", ADA),
    )
    found = find(box)
    assert (found.about, found.among, found.events) == ({1, 5}, {2}, {5})
    assert find(box, "nobody@example.com") == forgetting.Found()


def test_a_person_is_found_by_what_only_the_subject_still_knows(box: Any) -> None:
    box.accept(box.event("a"), with_guests(box, "b", ADA, email=BOB), box.event("c", email=BOB))
    box.run("UPDATE events SET event = '{}', snapshot = NULL")
    found = find(box)
    assert (found.about, found.among, found.events) == ({1}, {2}, set())
    box.run("UPDATE subjects SET merged_into = 3 WHERE id = 1")
    box.run("UPDATE subjects SET merged_into = 2 WHERE id = 3")
    assert find(box).about == {2}  # what they were merged into, at last
    assert find(box).among == set()


def test_more_is_found_than_is_read_at_once(box: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("crmwire.store.forgetting.naming.CHUNK", 2)
    box.accept(*(box.event(f"a{number}") for number in range(5)))
    assert find(box).about == {1, 2, 3, 4, 5}


# ---------------------------------------------------------------- what is theirs


def test_of_a_forgotten_booking_its_hashed_ids_stay_and_nothing_waits(box: Any) -> None:
    box.run("UPDATE routes SET join_within = 5")
    box.accept(box.event("a"), box.event("other", email=BOB))
    box.accept(box.event("a2", "rescheduled", minute=5, hour=15, previous_ids=("a",)))
    for subject, email in ((1, ADA), (2, BOB)):
        box.do(
            records.place_link, subject, 1, "person", "", "Contact", f"of {email}", 1, "http://x"
        )
        box.do(records.place_link, subject, 1, "activity", "", "Event", f"at {email}", 1, None)
        for lane in (box.lane, "connection:2"):
            made = records.Created(
                type="Contact", key="Email", value=f"{lane} {email}", record=f"of {email}"
            )
            box.do(records.remember, lane, [made], 1.0)
    late = records.Created(type="Contact", key="Email", value=ADA.upper(), record="77")
    box.do(records.remember, "any", [late], 1.0)
    box.do(tombstones.remember, 1, "carl@example.com")
    held = box.settle("held", reason=f"{ADA} is wrong", remedy="r", code="c")
    box.run("UPDATE deliveries SET attempt = '{}', attempt_open = 1, again = 1, chosen = '{}'")
    removed = box.do(forgetting.forget_subject, 1, ADA, "me", 5.0)
    assert (removed.subjects, removed.events, removed.deliveries, removed.waiting) == (1, 2, 4, 4)
    assert removed.links == 2
    assert removed.records == {("one", "Contact", f"of {ADA}", "http://x")}
    assert held == [1, 3]
    hashes = {tombstones.hashed(1, "a"), tombstones.hashed(1, "a2")}
    assert box.rows("SELECT alias, ended FROM aliases WHERE subject = 2") == [("other", "")]
    aliases = box.rows("SELECT alias, ended FROM aliases WHERE subject = 1")
    assert set(aliases) == {(one, "cancelled") for one in hashes}
    assert box.rows("SELECT status, current, details FROM subjects WHERE id = 1") == [
        ("cancelled", tombstones.hashed(1, "a2"), "{}")
    ]
    assert box.rows("SELECT alias FROM halves") == ["other"]
    assert box.rows("SELECT count(*) FROM forgotten") == [0]
    assert set(box.rows("SELECT record, lane FROM created")) == {
        (f"of {BOB}", box.lane),
        (f"of {BOB}", "connection:2"),
        (f"of {ADA}", "connection:2"),
    }
    assert box.rows("SELECT DISTINCT subject FROM links") == [2]
    for text in box.rows("SELECT event FROM events WHERE subject = 1"):
        assert set(json.loads(text)) == {"type", "occurred_at", "subject_id", "removed"}
        assert json.loads(text)["subject_id"] in hashes
        assert json.loads(text)["removed"] == tombstones.FORGOTTEN
    assert box.rows("SELECT count(*) FROM events WHERE snapshot IS NULL") == [2]
    rows = box.rows(
        "SELECT state, attempt, attempt_open, again, chosen, reason, remedy, code, changed_at"
        " FROM deliveries WHERE subject = 1"
    )
    assert set(rows) == {(5, None, 0, 0, None, tombstones.FORGOTTEN, None, None, 5.0)}
    assert box.rows("SELECT DISTINCT again FROM deliveries WHERE subject = 2") == [1]
    assert [one["state"] for one in box.store.delivery(1).history] == ["forgotten"]
    assert box.store.delivery(1).history[0]["by"] == "me"
    counters = box.rows("SELECT connection, count FROM counters WHERE state = 5 ORDER BY 1")
    assert counters == [(1, 2), (2, 2)]
    again = box.do(forgetting.forget_subject, 1, ADA, "me", 6.0)
    assert (again.events, again.waiting, again.links, again.deliveries) == (0, 0, 0, 4)
    assert box.rows("SELECT current FROM subjects WHERE id = 1") == [tombstones.hashed(1, "a2")]


def test_what_was_delivered_stays_delivered(box: Any) -> None:
    box.accept(box.event("a"))
    box.settle("delivered")
    removed = box.do(forgetting.forget_subject, 1, ADA, "me", 5.0)
    assert (removed.deliveries, removed.waiting) == (2, 1)
    assert (box.states(), box.states("two")) == (["delivered"], ["dismissed"])


def test_nothing_is_forgotten_of_what_is_being_written_just_now(box: Any) -> None:
    box.accept(box.event("a"), with_guests(box, "b", ADA, email=BOB))
    box.claim()
    assert box.do(forgetting.forget_subject, 1, ADA, "me", 5.0) is None
    assert box.do(forgetting.take_out_of_subject, 2, ADA) is None
    assert find(box).about == {1}
    assert find(box).among == {2}


# ---------------------------------------------------------------- one of several


def test_one_of_several_is_taken_out_by_address_name_and_number(box: Any) -> None:
    event = box.event("a", email=BOB)
    details = attrs.evolve(
        event.details,
        guests=(
            Person(email=ADA, full_name="Ada Lovelace", phone="+15550100"),
            Person(email="carl@example.com", full_name="Carl"),
        ),
        booking=attrs.evolve(event.details.booking, title="Ada Lovelace (+15550100) and Carl"),
    )
    box.accept(attrs.evolve(event, details=details))
    for item in (ADA, "carl@example.com", ""):
        box.do(records.place_link, 1, 1, "person", item, "Contact", f"of {item}", 1, None)
    box.settle("held", reason="Ada Lovelace is wrong", remedy="none", detail={"x": ADA})
    attempt = json.dumps({"writes": [{"write": {"fields": {"Phone": "+15550100"}}}]})
    box.run("UPDATE deliveries SET attempt = ?, chosen = ? WHERE id = 1", attempt, '{"p": "9"}')
    assert box.do(forgetting.take_out_of_subject, 1, ADA) is True
    kept = box.rows("SELECT event, snapshot FROM events")[0] + tuple(
        box.rows("SELECT details FROM subjects")
    )
    for text in kept:
        assert "Lovelace" not in text
        assert "5550100" not in text
        assert ADA not in text
        assert "carl@example.com" in text
        assert "(forgotten) (" in text
    delivery = box.store.delivery(1)
    assert (delivery.row.reason, delivery.row.remedy) == ("(forgotten) is wrong", "none")
    assert delivery.history[-1]["x"] == "(forgotten)"
    (left,) = box.rows("SELECT attempt FROM deliveries WHERE id = 1")
    assert json.loads(left) == {"writes": [{"write": {"fields": {"Phone": "(forgotten)"}}}]}
    assert box.rows("SELECT chosen FROM deliveries WHERE id = 1") == ['{"p":"9"}']
    assert box.rows("SELECT item FROM links ORDER BY item") == ["", "carl@example.com"]
    # And they are left out of what comes later.
    box.accept(with_guests(box, "a", ADA, "dora@example.com", verb="updated", minute=5, email=BOB))
    (text,) = box.rows("SELECT event FROM events WHERE id = 2")
    assert ADA not in text
    assert "dora@example.com" in text


def test_an_event_whose_payload_was_purged_is_left_without_one(box: Any) -> None:
    box.accept(with_guests(box, "a", ADA, email=BOB))
    box.run('UPDATE events SET snapshot = NULL, event = \'{"type": "booking.created"}\'')
    assert box.do(forgetting.take_out_of_subject, 1, ADA) is True
    assert box.rows("SELECT event, snapshot FROM events") == [('{"type":"booking.created"}', None)]
    assert box.rows("SELECT count(*) FROM subjects WHERE instr(details, ?)", ADA) == [0]


def test_deliveries_that_name_a_person_are_found_wherever_they_do(box: Any) -> None:
    box.accept(*(box.event(uid, email=BOB) for uid in "abcdef"))
    for column, id_ in (("attempt", 1), ("reason", 3), ("remedy", 5), ("chosen", 7)):
        box.run(f"UPDATE deliveries SET {column} = ? WHERE id = ?", json.dumps([ADA.upper()]), id_)
    box.run("INSERT INTO history (delivery, at, state, detail) VALUES (9, 1, 'x', ?)", f'["{ADA}"]')
    box.run(
        "INSERT INTO history (delivery, at, state, detail) VALUES (11, 1, 'x', ?)", f'["{BOB}"]'
    )
    with box.store.read() as db:
        assert forgetting.naming_deliveries(db, ADA) == [1, 3, 5, 7, 9]
    assert box.do(forgetting.scrub_delivery, 9, [ADA]) is True
    assert box.do(forgetting.scrub_delivery, 11, [ADA]) is False
    with box.store.read() as db:
        assert forgetting.naming_deliveries(db, ADA) == [1, 3, 5, 7]


# ---------------------------------------------------------------- elsewhere


def test_a_person_is_removed_from_odd_webhooks_caches_and_texts(box: Any) -> None:
    box.accept(box.event("x", ignored="of no kind that is carried"))
    for body, reason in ((b'{"e": "ADA@example.com"}', "r"), (b"\xff", f"has {ADA}"), (b"{}", "r")):
        box.store.keep_unreadable(1, body, reason, box.now)
    box.run("INSERT INTO cache VALUES (1, 'a', 1, ?)", json.dumps({"by": ADA}))
    box.run("INSERT INTO cache VALUES (1, ?, 1, '1')", ADA)
    box.run("INSERT INTO cache VALUES (2, 'a', 1, ?)", json.dumps({"by": "x" + ADA}))
    box.do(setup.set_connection_state, 1, "ok", problem=f"{ADA} is wrong", remedy="none")
    box.run(
        "INSERT INTO checks VALUES ('connection/1', 1, 2, 'error', ?)",
        json.dumps([{"level": "error", "text": f"no {ADA}", "é": "é"}]),
    )
    broken = '{"cut": "' + f"{ADA}\\nis"
    box.run("INSERT INTO lanes (name, reason) VALUES ('z', ?)", broken)
    removed = box.do(forgetting.forget_elsewhere, ADA, [1])
    assert (removed.events, removed.webhooks, removed.others) == (1, 2, 5)
    (text,) = box.rows("SELECT event FROM events")
    assert json.loads(text)["subject_id"] == "#"
    assert box.rows("SELECT reason FROM unreadable") == ["r"]
    assert box.rows("SELECT connection FROM cache") == [2]
    row = box.store.connection("one")
    assert (row.problem, row.remedy) == ("(forgotten) is wrong", "none")
    assert json.loads(box.rows("SELECT findings FROM checks")[0]) == [
        {"level": "error", "text": "no (forgotten)", "é": "é"}
    ]
    assert "é" in box.rows("SELECT findings FROM checks")[0]
    assert ADA not in box.rows("SELECT reason FROM lanes WHERE name = 'z'")[0]


def test_where_an_address_still_stands_in_what_people_set_up_is_told(box: Any) -> None:
    box.accept(box.event("z", email=BOB), box.event("a"))
    box.do(setup.update_connection, 1, settings={"owner": ADA})
    box.run("UPDATE routes SET mapping = ? WHERE id = 2", json.dumps({"to": ADA}))
    box.run("UPDATE feeds SET settings = ?", json.dumps({"not": "x" + ADA}))
    box.run("INSERT INTO meta VALUES ('note', ?)", ADA)
    box.do(setup.put_secret, "connection/1", "token", "k", ADA.encode())
    with box.store.read() as db:
        told = forgetting.still_naming(db, ADA)
    assert sorted(told) == [
        "connection one: settings",
        "meta note: value",
        "route to two: mapping",
        "subject 2: details",
    ]
