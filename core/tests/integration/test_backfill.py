"""Backfills: past bookings carried over one route, stopped and gone on with, doubled never."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from crmwire import ConfigurationError, Failure, hookimpl
from crmwire.backfilling import Backfill, FilePast
from crmwire.backfilling.running import rehearsed
from crmwire.connections import Connection
from crmwire.errors import RetryLater
from crmwire.testing import toycrm
from crmwire.types import Chunk, Event, Record, Write

Opens = Callable[..., AbstractContextManager[Any]]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@define
class Told:
    """A past that tells these events, two at a time; `failures` are raised first."""

    events: list[Event]
    failures: int = 0
    name: str = "told"

    def chunk(self, since: datetime, cursor: Any) -> Chunk:
        if self.failures:
            self.failures -= 1
            raise RetryLater("The source is down.", after=0.01)
        start = cursor or 0
        return Chunk(
            events=tuple(self.events[start : start + 2]),
            cursor=start + 2,
            more=start + 2 < len(self.events),
            total=len(self.events),
        )


def bookings(scene: Any, number: int) -> list[Event]:
    """Bookings of different people, all before the route was made."""
    return [
        scene.event("created", f"b{one}", -1000 + one, email=f"p{one}@example.com")
        for one in range(number)
    ]


def put(account: Any, type_: str, **fields: str) -> str:
    """What another tool made in the CRM; its id."""
    account.number += 1
    id_ = f"other{account.number}"
    made = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
    account.records[id_] = {"type": type_, "id": id_, "created_at": made, **fields}
    return id_


def activities(account: Any) -> list[dict[str, Any]]:
    return [one for one in account.records.values() if one["type"] == "activities"]


def run(scene: Any, past: Any, since: datetime = LONG_AGO, **more: Any) -> Any:
    """A backfill of the only route, carried by this process."""
    (route,) = scene.app.store.routes()
    backfill = Backfill(scene.app, route, past, since, wake=lambda lanes: scene.drain(), **more)
    steps = []
    for standing in backfill.steps(pause=0.01):
        scene.drain()
        steps.append(standing)
    return steps[-1]


def test_past_bookings_are_carried_though_the_route_is_younger(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        past = Told(bookings(scene, 5), failures=1)
        standing = run(scene, past)
        assert (standing.listed, standing.total, dict(standing.states)) == (5, 5, {"delivered": 5})
        assert scene.people() == 5
        again = run(scene, past)
        assert dict(again.counts) == {"known": 5}
        assert scene.people() == len(scene.live()) == 5


def test_what_was_skipped_as_too_early_is_carried_now(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        events = bookings(scene, 2)
        scene.accept(*events)
        scene.drain()
        assert scene.states() == ["skipped", "skipped"]
        assert dict(run(scene, Told(events)).counts) == {"carried": 2}
        assert scene.states() == ["delivered", "delivered"]
        counts = {one.connection: one for one in scene.app.counts()}
        assert counts["crm"].by_state.get("skipped", 0) == 0


def test_a_booking_that_was_carried_is_not_carried_by_its_telling(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as scene:
        scene.accept(scene.event("created", "a", 5))
        scene.drain()
        told = [scene.event("created", "a", 4), scene.event("created", "b", 3, email="b@x.test")]
        assert dict(run(scene, Told(told)).counts) == {"known": 1, "carried": 1}
        assert len(scene.live()) == 2


def test_only_what_happened_since_then_is_carried(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        events = bookings(scene, 4)
        standing = run(scene, Told(events), since=events[2].occurred_at)
        assert dict(standing.counts) == {"early": 2, "carried": 2}


def test_a_dry_run_stores_nothing(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        (route,) = scene.app.store.routes()
        counts = list(rehearsed(scene.app, route, Told(bookings(scene, 3)), LONG_AGO))
        assert [dict(one) for one in counts] == [{"carried": 2}, {"carried": 1}]
        assert scene.app.deliveries() == []
        assert dict(run(scene, Told(bookings(scene, 3))).counts) == {"carried": 3}


def test_a_backfill_goes_on_where_it_was_stopped(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        (route,) = scene.app.store.routes()
        past = Told(bookings(scene, 6))
        stopped = Backfill(scene.app, route, past, LONG_AGO).steps(pause=0.01)
        assert next(stopped).listed == 2
        stopped.close()
        gone_on = Backfill(scene.app, route, past, LONG_AGO)
        assert gone_on.row.listed == 2
        assert run(scene, past).listed == 6
        assert scene.people() == 6


def test_it_stops_where_the_connection_cannot_be_used(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        scene.app.set_token("crm", "revoked")
        with pytest.raises(ConfigurationError, match="cannot be used"):
            run(scene, Told(bookings(scene, 3)))
        scene.app.set_token("crm", "sandbox")
        assert run(scene, Told(bookings(scene, 3))).states == {"delivered": 3}
        assert scene.people() == 3


# ---------------------------------------------------------------- adopting


@hookimpl
def find_adoptable(
    conn: Connection, writes: Sequence[Write]
) -> Sequence[Sequence[Record] | Failure] | None:
    """What stands at the same time with the same person, whoever made it."""
    searches = []
    for write in writes:
        start = write.fields["start"]
        assert isinstance(start, datetime)
        where = {"contact": write.fields["contact"], "start": start.isoformat()}
        searches.append({"types": [write.type], "where": where})
    answer = conn.http.post("search", {"searches": searches}, safe=True).json()
    return [
        [Record(type=one["type"], id=one["id"]) for one in result["records"]]
        for result in answer["results"]
    ]


@pytest.fixture
def adopting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy CRM's plugin with the hook that adopting needs."""
    monkeypatch.setattr(toycrm, "find_adoptable", find_adoptable, raising=False)


@pytest.mark.usefixtures("adopting")
def test_the_activity_of_another_tool_is_linked_and_follows_the_booking(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as scene:
        (account,) = scene.sandbox.accounts.values()
        event = scene.event("created", "a", -100)
        person = put(account, "contacts", email="ada@example.com", name="Ada")
        start = event.details.booking.start.isoformat()
        other = {"contact": person, "title": "By another tool", "start": start}
        put(account, "activities", **other)
        run(scene, Told([event]), adopt=True)
        assert scene.states() == ["delivered"]
        (found,) = activities(account)
        assert found["title"] == "By another tool"
        scene.accept(scene.event("cancelled", "a", 10))
        scene.drain()
        assert scene.live() == []


@pytest.mark.usefixtures("adopting")
def test_without_adopting_one_more_is_made(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        (account,) = scene.sandbox.accounts.values()
        event = scene.event("created", "a", -100)
        person = put(account, "contacts", email="ada@example.com", name="Ada")
        start = event.details.booking.start.isoformat()
        put(account, "activities", contact=person, title="Other", start=start)
        run(scene, Told([event]))
        assert len(activities(account)) == 2


@pytest.mark.usefixtures("adopting")
def test_one_record_is_adopted_by_one_booking_and_several_are_asked_about(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path) as scene:
        (account,) = scene.sandbox.accounts.values()
        events = [scene.event("created", "a", -100), scene.event("created", "b", -99)]
        person = put(account, "contacts", email="ada@example.com", name="Ada")
        start = events[0].details.booking.start.isoformat()
        put(account, "activities", contact=person, title="One", start=start)
        run(scene, Told(events), adopt=True)
        assert len(activities(account)) == 2
        third = scene.event("created", "c", -98)
        for _ in range(2):
            put(account, "activities", contact=person, title="Two", start=start)
        run(scene, Told([third]), adopt=True)
        (row,) = scene.app.deliveries()[:1]
        assert (row.state, row.failure) == ("held", "needs_review")


# ---------------------------------------------------------------- files


def test_rows_of_csv_and_ndjson_tell_the_same(tmp_path: Path) -> None:
    table = tmp_path / "past.csv"
    table.write_text(
        "id,event,occurred_at,booking.start,booking.end,guest.email,guest.full_name,page.id,"
        "answers.team,tracking.utm_source,host.email\n"
        "b1,,2026-01-02T08:00:00Z,2026-01-05T09:00:00+01:00,2026-01-05T09:30:00+01:00,"
        "ada@example.com,Ada Byron,7,10,news,host@example.com\n",
        encoding="utf-8-sig",
    )
    lines = tmp_path / "past.ndjson"
    row = {
        "id": "b1",
        "occurred_at": "2026-01-02T08:00:00Z",
        "booking": {"start": "2026-01-05T08:00:00Z", "end": "2026-01-05T08:30:00Z"},
        "guest": {"email": "ada@example.com", "full_name": "Ada Byron"},
        "page.id": "7",
        "answers": {"team": 10},
        "tracking": {"utm_source": "news"},
        "host": {"email": "host@example.com"},
    }
    lines.write_text(json.dumps(row) + "\n\n")
    first, second = (FilePast(path).chunk(LONG_AGO, None) for path in (table, lines))
    assert first == second
    (event,) = first.events
    assert (event.type, event.subject_id) == ("booking.created", "b1")
    assert event.details.answers[0].values == ("10",)
    assert event.details.hosts[0].email == "host@example.com"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "booking.start\n2026-01-01T00:00:00Z\n", "no column `id`"),
        ("a.csv", "id,guest.emial\n1,a\n", "guest.emial"),
        ("a.csv", "id,booking.start\n1,2026-01-01 09:00\n", "without its zone"),
        ("a.csv", "id,booking.start\n1,tomorrow\n", "no time as in"),
        ("a.csv", "id,booking.start\n1\n,2026-01-01T00:00:00Z\n", "a.csv:3: it has no id"),
        ("a.csv", "id\n1,2,3\n", "more values than"),
        ("a.csv", "id,event,booking.start\n1,moved,2026-01-01T00:00:00Z\n", "'moved' is no event"),
        ("a.ndjson", "[]\n", "is not a JSON object"),
        ("a.txt", "", "neither CSV nor NDJSON"),
        ("a.csv", "", "no column `id`"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_line(
    name: str, text: str, told: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        FilePast(path)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "a.csv",
            (
                "id,booking.start,event\nb1,tomorrow\n,2026-01-01T00:00:00Z\n"
                "b3,2026-01-01T00:00:00Z,created,x\nb4,2026-01-01T00:00:00Z\nb5,,cancelled\n"
            ),
        ),
        (
            "a.ndjson",
            (
                '{"id": "b1"}\n\n[]\n{"id": "b2", "colour": 1}\n'
                '{"id": "b4", "booking.start": "2026-01-01T00:00:00Z"}\n{"booking.start": "x"}\n'
            ),
        ),
    ],
)
def test_every_mistake_of_a_file_is_told_at_once(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="holds 4 rows that cannot be used") as caught:
        FilePast(path)
    lines = [problem.split(":")[1] for problem in caught.value.problems]
    assert lines == (["2", "3", "4", "6"] if name == "a.csv" else ["1", "3", "4", "6"])
