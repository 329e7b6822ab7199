"""What the soak's checker makes of records that are not as they should be."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from soak.checker import check_account
from soak.model import of_lines

ROOT = Path(__file__).parent.parent
START = datetime(2027, 3, 2, 9, 0, tzinfo=UTC)
TOLD = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ANN = "ann@example.com"


def _told(*kinds: str, order: tuple[int, ...] | None = None) -> list[dict[str, Any]]:
    """The log of one booking: its events, in the order they were acknowledged in."""
    lines = [
        {
            "feed": "main",
            "booking": "b1",
            "event": number,
            "kind": kind,
            "email": ANN,
            "start": (START + timedelta(days=number)).isoformat(),
            "occurred_at": (TOLD + timedelta(seconds=number)).isoformat(),
        }
        for number, kind in enumerate(kinds, start=1)
    ]
    return [lines[number - 1] for number in order or range(1, len(kinds) + 1)]


def _person(n: int, id_: str = "p1", action: str = "create", **fields: Any) -> dict[str, Any]:
    if action == "create":
        fields = {"Email": ANN, **fields}
    return {"n": n, "action": action, "type": "Contact", "id": id_, "fields": fields}


def _event(n: int, event: int, id_: str = "e1", action: str = "create") -> dict[str, Any]:
    fields = {
        "Subject": "Intro call",
        "StartDateTime": (START + timedelta(days=event)).isoformat(),
        "Description": f"[b1.{event}]",
    }
    return {"n": n, "action": action, "type": "Event", "id": id_, "fields": fields}


def _cancelled(n: int, id_: str = "e1") -> dict[str, Any]:
    fields = {"Subject": "[Cancelled] Intro call"}
    return {"n": n, "action": "update", "type": "Event", "id": id_, "fields": fields}


def _note(n: int, event: int, id_: str) -> dict[str, Any]:
    fields = {"title": "Intro call", "content": f"[b1.{event}]"}
    return {"n": n, "action": "create", "type": "notes", "id": id_, "fields": fields}


def _kinds(
    told: list[dict[str, Any]], commits: list[dict[str, Any]], style: str = "follows"
) -> list[str]:
    ids = sorted({one["id"] for one in commits if one["type"] in ("Event", "notes")})
    timelines = {"people": [{"email": ANN, "entries": [{"id": one} for one in ids]}]}
    account = {"name": "salesforce", "feeds": {"main": style}, "known": []}
    records = {"commits": commits, "timelines": timelines}
    return [one.kind for one in check_account(account, of_lines(told), records)]


CREATED = _told("created")
MOVED = _told("created", "rescheduled")
ENDED = _told("created", "cancelled")


@pytest.mark.parametrize(
    ("told", "commits"),
    [
        (CREATED, [_person(1), _event(2, 1)]),
        (MOVED, [_person(1), _event(2, 1), _event(3, 2, action="update")]),
        (MOVED, [_person(1), _event(2, 2)]),
        (ENDED, [_person(1), _event(2, 1), _cancelled(3)]),
        (_told("created", "cancelled", order=(2, 1)), []),
        (_told("created", "cancelled", order=(2,)), []),
        (CREATED, [_person(1), _person(2, action="update", Title="x"), _event(3, 1)]),
    ],
)
def test_what_is_as_it_should_be_is_not_complained_of(told: Any, commits: Any) -> None:
    if told is ENDED:
        told = [told[0], {**told[1], "start": told[0]["start"]}]
    assert _kinds(told, commits) == []


@pytest.mark.parametrize(
    ("told", "commits", "kind"),
    [
        (CREATED, [], "lost"),
        (CREATED, [_person(1)], "lost"),
        (CREATED, [_person(1), _person(2, "p2"), _event(3, 1)], "doubled"),
        (CREATED, [_person(1), _event(2, 1), _event(3, 1, "e2")], "doubled"),
        (MOVED, [_person(1), _event(2, 1)], "wrong state"),
        (ENDED, [_person(1), _event(2, 1)], "wrong state"),
        (CREATED, [_person(1), _event(2, 1), _cancelled(3)], "wrong state"),
        (MOVED, [_person(1), _event(2, 2), _event(3, 1, action="update")], "wrong order"),
        (
            ENDED,
            [_person(1), _event(2, 1), _cancelled(3), _event(4, 1, action="update")],
            "wrong order",
        ),
        (
            CREATED,
            [_person(1, Title="Kept"), _person(2, action="update", Title="x"), _event(3, 1)],
            "overwritten",
        ),
        (
            CREATED,
            [_person(1, Phone="1"), _person(2, action="update", Phone=""), _event(3, 1)],
            "overwritten",
        ),
    ],
)
def test_what_is_wrong_is_named(told: Any, commits: Any, kind: str) -> None:
    assert kind in _kinds(told, commits)


def test_of_records_per_event_each_is_wanted_once() -> None:
    people = [_person(1)]
    assert _kinds(MOVED, [*people, _note(2, 1, "n1"), _note(3, 2, "n2")], "per event") == []
    assert "lost" in _kinds(MOVED, [*people, _note(2, 1, "n1")], "per event")
    doubled = [*people, _note(2, 1, "n1"), _note(3, 2, "n2"), _note(4, 2, "n3")]
    assert "doubled" in _kinds(MOVED, doubled, "per event")
    wrong = [*people, _note(2, 2, "n2"), _note(3, 1, "n1")]
    assert "wrong order" in _kinds(MOVED, wrong, "per event")


def test_the_checker_loads_nothing_of_crmwire() -> None:
    code = "import sys, soak.checker; print([one for one in sys.modules if 'crmwire' in one])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_what_was_never_acknowledged_must_not_be_there_and_is_a_stray() -> None:
    assert "stray" in _kinds([], [_person(1), _event(2, 1)])


# ---------------------------------------------------------------- companies

BOB, FREE, OLD = "bob@acme.example", "ann@gmail.com", "old@acme.example"


def _of(told: list[dict[str, Any]], *emails: str) -> list[dict[str, Any]]:
    """The same story, of a booking for each of these people."""
    return [
        {**line, "email": email, "booking": f"b{number}"}
        for number, email in enumerate(emails, start=1)
        for line in told
    ]


class _Vendor:
    """Writes commits as HubSpot's sandbox does, or (`one`) as Attio's."""

    def __init__(self, *, one: bool = False) -> None:
        self.one, self.commits = one, list[dict[str, Any]]()

    def commit(self, action: str, type_: str, id_: str, **fields: Any) -> _Vendor:
        n = len(self.commits) + 1
        made = {"n": n, "action": action, "type": type_, "id": id_, "fields": fields}
        self.commits.append(made)
        return self

    def company(self, id_: str, domain: str, **fields: Any) -> _Vendor:
        told = {"domains": [domain]} if self.one else {"domain": domain}
        return self.commit("create", "companies", id_, **told, **fields)

    def person(self, id_: str, email: str, *companies: str) -> _Vendor:
        if self.one:
            company = companies[0] if companies else None
            told = {"email_addresses": [email], "company": company}
            return self.commit("create", "people", id_, **told)
        self.commit("create", "contacts", id_, email=email)
        for company in companies:
            self.commit("associate", "contacts", id_, to=f"companies/{company}", types=[1])
        return self

    def meeting(self, id_: str, booking: str, *companies: str) -> _Vendor:
        told = {
            "hs_meeting_start_time": (START + timedelta(days=1)).isoformat(),
            "hs_meeting_body": f"[{booking}.1]",
        }
        self.commit("create", "meetings", id_, **told)
        for company in companies:
            self.commit("associate", "meetings", id_, to=f"companies/{company}", types=[2])
        return self

    def findings(self, told: list[dict[str, Any]]) -> list[str]:
        """Of companies: whatever else is wrong does not count here."""
        rules = {
            "feeds": ["main"],
            "known": ["kept.example"],
            "of": {OLD: "kept.example"},
            "several": not self.one,
        }
        account = {"name": "crm", "feeds": {"main": "follows"}, "known": [], "companies": rules}
        records = {"commits": self.commits, "timelines": {"people": []}}
        found = check_account(account, of_lines(told), records)
        return [f"{one.kind}: {one.what}" for one in found if "compan" in one.what]


def _hubspot() -> _Vendor:
    return _Vendor().company("k", "kept.example", name="Kept")


def _attio() -> _Vendor:
    return _Vendor(one=True).company("k", "kept.example", description="Kept")


BOTH = _of(CREATED, BOB, "eve@acme.example")


def test_one_company_for_all_its_people_is_as_it_should_be() -> None:
    made = _hubspot().company("c", "acme.example", name="x")
    made.person("p1", BOB, "c").meeting("m1", "b1", "c")
    made.person("p2", "eve@acme.example", "c").meeting("m2", "b2", "c")
    assert made.findings(BOTH) == []
    attio = _attio().company("c", "acme.example")
    attio.person("p1", BOB, "c").person("p2", "eve@acme.example", "c")
    assert attio.findings(BOTH) == []


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (_hubspot().person("p1", BOB), "lost"),
        (_Vendor().company("c", "acme.example").person("p1", BOB, "c"), "lost"),
        (_hubspot().company("c", "acme.example").person("p1", BOB), "lost"),
        (_attio().company("c", "acme.example").person("p1", BOB), "lost"),
        (
            _hubspot().company("c", "acme.example").person("p1", BOB, "c").meeting("m1", "b1"),
            "lost",
        ),
        (
            _hubspot()
            .company("c", "acme.example")
            .company("d", "acme.example")
            .person("p1", BOB, "c"),
            "doubled",
        ),
        (
            _hubspot().company("c", "acme.example").person("p1", BOB, "c", "k"),
            "wrong state",
        ),
        (_attio().company("c", "acme.example").person("p1", BOB, "k"), "wrong state"),
        (
            _hubspot()
            .company("c", "acme.example")
            .person("p1", BOB, "c")
            .meeting("m1", "b1", "c", "k"),
            "wrong state",
        ),
        (
            _hubspot()
            .company("c", "acme.example")
            .person("p1", BOB, "c")
            .commit("update", "companies", "k", name="other"),
            "overwritten",
        ),
        (
            _hubspot()
            .company("c", "acme.example")
            .company("d", "else.example")
            .person("p1", BOB, "c"),
            "stray",
        ),
    ],
)
def test_what_is_wrong_with_companies_is_named(made: _Vendor, kind: str) -> None:
    kinds = {text.partition(":")[0] for text in made.findings(_of(CREATED, BOB))}
    assert kind in kinds


def test_free_mail_is_nobodys_company() -> None:
    assert _hubspot().person("p1", FREE).findings(_of(CREATED, FREE)) == []
    made = _hubspot().company("c", "gmail.com").person("p1", FREE, "c").findings(_of(CREATED, FREE))
    assert {text.partition(":")[0] for text in made} == {"stray", "wrong state"}


def test_who_belonged_to_a_company_before_is_not_taken_from_it() -> None:
    told = _of(CREATED, OLD)
    hubspot = _hubspot().company("c", "acme.example")
    assert hubspot.person("p1", OLD, "k", "c").findings(told) == []
    assert hubspot.commit("associate", "contacts", "p1", removed="companies/k").findings(told)
    attio = _attio().company("c", "acme.example").person("p1", OLD, "k")
    assert attio.findings(told) == []
    moved = attio.commit("update", "people", "p1", company="c").findings(told)
    assert any(text.startswith("lost: person") for text in moved)
