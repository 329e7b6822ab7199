"""From a webhook's body in a file to deliveries that a person sees and repairs."""

from __future__ import annotations

import fcntl
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from attrs import define
from click.testing import CliRunner, Result

from crmwire.app import App
from crmwire.cli import cli
from crmwire.demo.bookings import FIRST_START, SampleBooking
from crmwire.demo.environment import surroundings
from crmwire.demo.processes import call
from crmwire.draining import Drainer
from crmwire.sandbox import SandboxServer, SandboxSettings
from crmwire.testing.toysandbox import ToySandbox

pytest.importorskip("crmwire_calcom")

NOW = datetime.now(UTC) + timedelta(hours=1)  # after the routes, however late they are made
BOOKING = SampleBooking(uid="bk-1", email="grace@example.com", name="Grace Hopper")
OTHER = SampleBooking(uid="bk-2", email="ada@example.com", name="Ada Byron")
LATER = FIRST_START + timedelta(days=1)


@define
class Scene:
    """A crmwire with one toy CRM; `carry` delivers what waits."""

    run: Callable[..., Result]
    folder: Path
    sandbox: ToySandbox
    url: str

    def __call__(self, *arguments: object, status: int = 0) -> str:
        result = self.run([str(one) for one in arguments])
        assert result.exit_code == status, result.output
        return result.stdout

    def told(self, *arguments: object, status: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", status=status))

    def file(self, *bodies: bytes, name: str = "in.ndjson") -> Path:
        path = self.folder / name
        path.write_bytes(b"\n".join(bodies) + b"\n")
        return path

    def carry(self) -> None:
        with App() as app:
            drainer = Drainer(app.openings)
            for _ in range(3):
                for lane in app.store.due_lanes(app.clock.now()):
                    drainer.drain(lane, threading.Event())

    def make_contact(self, email: str) -> None:
        """As somebody else would, in the CRM."""
        headers = {"Authorization": "Bearer sandbox"}
        assert call(f"{self.url}/contacts", {"email": email}, headers=headers).status < 300

    def states(self) -> dict[int, str]:
        return {row["id"]: row["state"] for row in self.told("deliveries")}

    def people(self) -> list[str]:
        (account,) = self.sandbox.accounts.values()
        return [person.email for person in self.sandbox.timelines(account)]


@pytest.fixture
def scene(tmp_path: Path, toy_installed: None) -> Iterator[Scene]:
    sandbox = ToySandbox(SandboxSettings())
    runner = CliRunner()
    with SandboxServer(sandbox) as server, surroundings(tmp_path):
        with App() as app:
            app.add_feed("cal", source="calcom", signing_secret="hush")
            settings = {"host": server.url, "tries": [0], "read_timeout": 5}
            app.add_connection("sales", crm="toy", token="sandbox", settings=settings)
            app.add_route(feed="cal", connection="sales", preset="linktime", name="all")

        def run(arguments: list[str]) -> Result:
            return runner.invoke(cli, arguments, prog_name="crmwire")

        yield Scene(run, tmp_path, sandbox, server.url)
    structlog.reset_defaults()


@pytest.fixture
def held(scene: Scene) -> Scene:
    """Deliveries 1 and 2 are held: each guest's address has two contacts, Grace's t1 and t2."""
    for booking in (BOOKING, OTHER):
        for _ in range(2):
            scene.make_contact(booking.email)
    scene("ingest", "cal", scene.file(BOOKING.created(NOW), OTHER.created(NOW)))
    scene.carry()
    return scene


# ---------------------------------------------------------------- ingest


def test_bodies_of_a_file_become_deliveries(scene: Scene) -> None:
    moved = BOOKING.rescheduled(NOW + timedelta(seconds=1), to=LATER, uid="bk-1b")
    said = scene("ingest", "cal", scene.file(BOOKING.created(NOW), moved))
    assert said.splitlines() == [
        "2 bodies: 2 accepted; 2 deliveries.",
        "No daemon runs on this data folder: `crmwire serve` carries them.",
    ]
    scene.carry()
    assert scene.people() == ["grace@example.com"]


def test_the_same_body_again_is_a_duplicate(scene: Scene) -> None:
    file = scene.file(BOOKING.created(NOW))
    scene("ingest", "cal", file)
    told = scene.told("ingest", "cal", file)
    assert told["counts"] == {"duplicate": 1}
    assert told["deliveries"] == 0


def test_a_malformed_body_is_told_with_its_place_and_stops_no_other(scene: Scene) -> None:
    file = scene.file(b'{"triggerEvent": ', b"[]", BOOKING.created(NOW))
    result = scene.run(["ingest", "cal", str(file)])
    assert result.exit_code == 1
    assert f"{file}:1: " in result.stderr
    assert f"{file}:2: " in result.stderr
    assert result.stdout.splitlines()[0] == "3 bodies: 1 accepted, 2 failed; 1 delivery."


def test_a_file_that_is_no_json_at_all_is_one_failure(scene: Scene) -> None:
    file = scene.file(b'{\n  "a": 1,\n  "b":\n', name="bad.json")
    result = scene.run(["ingest", "cal", str(file)])
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert result.stdout.startswith("1 body: 0 accepted, 1 failed; ")


def test_a_list_of_bodies_is_read_as_such(scene: Scene) -> None:
    bodies = [json.loads(one.created(NOW)) for one in (BOOKING, OTHER)]
    file = scene.file(json.dumps(bodies, indent=1).encode(), name="list.json")
    told = scene.told("ingest", "cal", file)
    assert [one["at"] for one in told["bodies"]] == [f"{file}[1]", f"{file}[2]"]
    assert told["counts"] == {"accepted": 2}


def test_an_unknown_feed_is_told_before_anything_is_read(scene: Scene) -> None:
    result = scene.run(["ingest", "call", str(scene.file(b"x"))])
    assert result.exit_code == 2
    assert result.stderr == "Error: There is no feed 'call'. There are: cal.\n"


# ---------------------------------------------------------------- preview


def test_a_preview_tells_what_is_written_and_why(scene: Scene) -> None:
    said = scene("preview", "cal", scene.file(BOOKING.created(NOW)))
    assert "booking.created by route all to sales" in said
    assert "person: create contacts" in said
    assert "looked for by email 'grace@example.com' in contacts" in said
    row = next(line for line in said.splitlines() if line.startswith("    email"))
    assert row.split()[:4] == ["email", "-", "grace@example.com", "yes:"]
    assert scene.people() == []
    assert scene.told("deliveries") == []


def test_a_preview_shows_old_values_beside_new_ones(scene: Scene) -> None:
    scene("ingest", "cal", scene.file(BOOKING.created(NOW)))
    scene.carry()
    same = SampleBooking(uid="bk-9", email="grace@example.com", name="Rear Admiral")
    (plan,) = scene.told("preview", "cal", scene.file(same.created(NOW)))
    person = next(line for line in plan["lines"] if line["role"] == "person")
    name = next(change for change in person["changes"] if change["name"] == "name")
    assert person["do"] == "update"
    assert person["record"]
    assert (name["old"], name["new"], name["written"]) == ("Grace Hopper", "Rear Admiral", False)
    assert name["why"]


def test_a_preview_of_an_unreachable_crm_has_a_status_of_its_own(scene: Scene) -> None:
    scene("check")
    with App() as app:
        app.change_connection("sales", settings={"host": "http://127.0.0.1:9", "read_timeout": 1})
    file = scene.file(BOOKING.created(NOW))
    said = scene("preview", "cal", file, status=4)
    assert "not looked up: " in said
    assert "looked for by email 'grace@example.com'" in said
    (plan,) = scene.told("preview", "cal", file, status=4)
    assert plan["not_looked_up"]
    (account,) = scene.sandbox.accounts.values()
    assert scene.people() == []
    assert account


def test_a_preview_can_be_of_one_connection(scene: Scene) -> None:
    file = scene.file(BOOKING.created(NOW))
    assert len(scene.told("preview", "cal", file, "--connection", "sales")) == 1
    result = scene.run(["preview", "cal", str(file), "--connection", "nope"])
    assert "There is no connection 'nope'. There are: sales." in result.stderr


def test_a_preview_without_a_route_says_so(scene: Scene) -> None:
    scene("route", "remove", "all")
    said = scene("preview", "cal", scene.file(BOOKING.created(NOW)))
    assert said == "No route carries it: `crmwire route add --feed cal`.\n"


def test_a_malformed_webhook_is_one_line(scene: Scene) -> None:
    result = scene.run(["preview", "cal", str(scene.file(b"<xml/>"))])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The body is not JSON.")
    assert result.stderr.count("\n") == 1


# ---------------------------------------------------------------- watching


def test_deliveries_are_listed_the_newest_first(scene: Scene) -> None:
    scene("ingest", "cal", scene.file(BOOKING.created(NOW), OTHER.created(NOW)))
    rows = scene.told("deliveries")
    assert [row["id"] for row in rows] == [2, 1]
    assert rows[0]["state"] == "ready"
    assert datetime.fromisoformat(rows[0]["due_at"]).tzinfo is not None
    assert "booking.created" in scene("deliveries")
    assert scene("deliveries", "--state", "held") == "There is no such delivery.\n"
    assert [row["id"] for row in scene.told("deliveries", "--limit", 1)] == [2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--state hld", "There is no state 'hld'. States: ready"),
        ("--connection x", "There is no connection 'x'. There are: sales."),
        ("--route x", "There is no route 'x'. There are: all."),
        ("--failure x", "There is no failure 'x'. Kinds: "),
    ],
)
def test_filters_name_only_what_is_there(scene: Scene, arguments: str, said: str) -> None:
    result = scene.run(["deliveries", *arguments.split()])
    assert result.exit_code == 2
    assert said in result.stderr


def test_one_delivery_is_told_with_event_plan_requests_and_records(scene: Scene) -> None:
    scene("ingest", "cal", scene.file(BOOKING.created(NOW)))
    scene.carry()
    said = scene("delivery", 1)
    assert "Delivery 1 is delivered" in said
    assert "grace@example.com" in said
    assert "person: create contacts" in said
    assert "POST contacts (" in said
    assert "Records" in said
    told = scene.told("delivery", 1)
    assert {link["role"] for link in told["links"]} == {"person", "activity"}
    assert told["history"][-1]["state"] == "delivered"
    assert told["history"][-1]["at"].endswith("Z")


def test_a_delivery_that_is_not_there_is_told(scene: Scene) -> None:
    result = scene.run(["delivery", "7"])
    assert result.exit_code == 2
    assert result.stderr == "Error: There is no delivery 7. `crmwire deliveries` lists them.\n"


def test_status_counts_by_connection_and_knows_no_daemon(scene: Scene) -> None:
    scene("ingest", "cal", scene.file(BOOKING.created(NOW)))
    told = scene.told("status")
    assert told["daemon"] == {"running": False, "process": None}
    (sales,) = told["connections"]
    assert sales["deliveries"]["ready"] == 1
    assert sales["oldest_waits_seconds"] < 60
    assert "No daemon runs" in scene("status")


def test_status_sees_a_daemon_by_its_lock_and_leaves_it(scene: Scene) -> None:
    path = scene.folder / "home" / "daemon.lock"
    with path.open("w") as file:
        file.write("4711")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        assert scene.told("status")["daemon"] == {"running": True, "process": "4711"}
    assert scene.told("status")["daemon"]["running"] is False


def test_status_tells_why_a_connection_waits(scene: Scene) -> None:
    scene("check")
    with App() as app:
        app.set_token("sales", "revoked")
    scene("ingest", "cal", scene.file(BOOKING.created(NOW)))
    scene.carry()
    (sales,) = scene.told("status")["connections"]
    assert sales["state"] == "needs_login"
    assert sales["problem"]
    said = scene("status")
    assert "sales: needs login" in said
    assert sales["remedy"] in said


def test_status_names_the_plugin_that_fails(scene: Scene) -> None:
    scene("check")
    folder = scene.folder / "home" / "plugins"
    folder.mkdir()
    (folder / "bad.py").write_text(
        "from crmwire import hookimpl\n\n@hookimpl\ndef match_keys(draft): raise OSError('oh')\n"
    )
    with App() as app:
        row = app.store.connection("sales")
        app.change_connection("sales", settings={**row.settings, "plugins": ["bad.py"]})
    scene("ingest", "cal", scene.file(BOOKING.created(NOW)))
    scene.carry()
    assert "Plugin bad.py failed in match_keys" in scene("status")


# ---------------------------------------------------------------- repairing


def test_a_held_delivery_tells_its_problem_its_remedy_and_the_choice(held: Scene) -> None:
    assert held.states() == {1: "held", 2: "held"}
    said = held("delivery", 1)
    assert "Delivery 1 is held" in said
    assert "problem: " in said
    assert "remedy: Choose one with `crmwire retry ID --use RECORD`" in said
    assert "to choose from: contacts/t1" in said
    assert "2 held for a person" in held("status")


def test_held_deliveries_are_retried_by_filter(held: Scene) -> None:
    would = held.told("retry", "--held", "--failure", "needs_review", "--dry-run")
    assert [row["id"] for row in would["would_retry"]] == [1, 2]
    assert "2 deliveries would be tried again." in held("retry", "--held", "--dry-run")
    assert held.states() == {1: "held", 2: "held"}
    assert held.told("retry", "--held", "--reason", "no such reason")["retried"] == []
    done = held.told("retry", "--held", "--connection", "sales", "--failure", "needs_review")
    assert done == {"retried": [1, 2], "left": {}}
    assert held.states() == {1: "ready", 2: "ready"}


def test_a_chosen_record_resolves_the_delivery(held: Scene) -> None:
    assert "1 delivery is ready again." in held("retry", 1, "--use", "t2")
    held.carry()
    assert held.states() == {1: "delivered", 2: "held"}
    (person,) = [one for one in held.told("delivery", 1)["links"] if one["role"] == "person"]
    assert person["record"] == "t2"


def test_a_record_that_was_not_offered_is_refused_with_those_that_were(held: Scene) -> None:
    result = held.run(["retry", "1", "--use", "t9"])
    assert result.exit_code == 2
    assert "'t9' is none of the records to choose from. Choose from: contacts/t1" in result.stderr


def test_a_delivered_one_is_written_again_only_if_asked(scene: Scene) -> None:
    scene("ingest", "cal", scene.file(BOOKING.created(NOW)))
    scene.carry()
    said = scene("retry", 1, status=1)
    assert "Delivery 1 is delivered; --again writes it once more." in said
    assert scene.told("retry", 1, "--again") == {"retried": [1], "left": {}}
    scene.carry()
    assert scene.states() == {1: "delivered"}
    assert scene.people() == ["grace@example.com"]


def test_a_dismissed_delivery_is_given_up(held: Scene) -> None:
    assert held("dismiss", 1) == "1 delivery was dismissed.\n"
    assert held.states() == {1: "dismissed", 2: "held"}
    assert "Delivery 1 is dismissed." in held("dismiss", 1, status=1)
    assert "dismissed by" in held("deliveries", "--state", "dismissed")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "Give the ids of deliveries, or --held. See `crmwire retry --help`."),
        ("1 --held", "Give the ids of deliveries, or --held."),
        ("1 --failure rejected", "The filters go with --held."),
        ("99", "There is no delivery 99. `crmwire deliveries` lists them."),
        ("one", "'one' is not a valid integer."),
    ],
)
def test_a_retry_that_makes_no_sense_is_one_line(scene: Scene, arguments: str, said: str) -> None:
    result = scene.run(["retry", *arguments.split()])
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
