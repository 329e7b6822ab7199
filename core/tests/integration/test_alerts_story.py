"""What happens to people when a login is lost in the middle of the work."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from crmwire.alerting.kinds import Pace
from crmwire.demo.bookings import SampleBooking
from crmwire.sandbox import Fault, SandboxServer
from crmwire.store import alerts
from crmwire.testing.stage import Stage, stage

pytest.importorskip("crmwire_calcom")
PACE = Pace(look=0.1, gather=0.3, scale=1 / 20)


def wait(until: Callable[[], Any], timeout: float = 30.0) -> None:
    end = time.monotonic() + timeout
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


def told(scene: Stage) -> list[alerts.NoticeRow]:
    with scene.app.store.read() as db:
        return alerts.notices(db)[::-1]


def test_a_token_revoked_in_the_middle_of_200_bookings(tmp_path: Path, toy_installed: None) -> None:
    with stage(tmp_path, {"crm": "toy"}, pace=PACE) as scene:
        scene.app.add_alert("ops", address="http://127.0.0.1:9/x", kind="webhook")
        sandbox = scene.sandboxes["crm"]
        now = datetime.now(UTC)
        bookings = [
            SampleBooking(uid=f"b{n}", email=f"guest{n}@example.com", name=f"Guest {n}")
            for n in range(100)
        ]
        for booking in bookings:
            scene.send(booking.created(now))
        wait(lambda: len(sandbox.commits) > 40)
        account = sandbox.accounts.pop("sandbox")
        to = bookings[0].start + timedelta(days=1)
        for booking in bookings:
            scene.send(booking.rescheduled(now + timedelta(minutes=1), to=to, uid=booking.uid))

        wait(lambda: scene.app.store.connection("crm").state == "needs_login")
        time.sleep(1.0)
        calls = len(scene.calls("crm"))
        time.sleep(2.0)
        assert len(scene.calls("crm")) == calls, "nothing is tried in vain"
        assert [one.title for one in told(scene)] == ["crmwire: crm: the login was lost"]
        waiting = len(scene.rows("ready"))
        assert waiting >= 100
        shown = told(scene)[0].data["data"]["troubles"][0]
        assert 0 < shown["waiting"] <= 200

        sandbox.accounts["new"] = account
        scene.app.set_token("crm", "new")
        scene.settle(60)
        wait(lambda: len(told(scene)) == 2)
        time.sleep(1.0)
        assert [one.event for one in told(scene)] == ["trouble", "well"]
        assert {row.state for row in scene.app.deliveries()} == {"delivered"}
        assert len(scene.rows("delivered")) == 200
        people = sandbox.timelines(account)
        assert len(people) == 100
        starts = [datetime.fromisoformat(one.start) for person in people for one in person.entries]
        assert starts == [to] * 100


def test_an_observed_revocation_is_told_without_a_booking(
    tmp_path: Path, toy_installed: None
) -> None:
    """The daily check notices what no call has."""
    with stage(tmp_path, {"crm": "toy"}, pace=PACE) as scene:
        scene.app.add_alert("ops", address="http://127.0.0.1:9/x", kind="webhook")
        account = scene.sandboxes["crm"].accounts.pop("sandbox")
        assert scene.daemon.rechecker.step() == []
        scene.app.store.write(lambda db: db.execute("UPDATE checks SET next_at = 0"))
        assert "connection/1" in scene.daemon.rechecker.step()
        wait(lambda: told(scene))
        assert told(scene)[0].title == "crmwire: crm: the login was lost"
        assert scene.daemon.rechecker.step() == [], "it waits for a login, and is not asked"
        scene.sandboxes["crm"].accounts["new"] = account
        scene.app.set_token("crm", "new")
        wait(lambda: len(told(scene)) == 2)


def test_a_vendor_that_is_down_for_long_is_told_and_its_return_too(
    tmp_path: Path, toy_installed: None
) -> None:
    pace = Pace(look=0.1, gather=0.1, scale=1 / 300)
    with stage(tmp_path, {"crm": "toy"}, pace=pace) as scene:
        scene.app.add_alert("ops", address="http://127.0.0.1:9/x", kind="webhook")
        scene.sandboxes["crm"].faults.arm([Fault(kind="status", status=503)])
        booking = SampleBooking(uid="b", email="guest@example.com", name="Guest")
        scene.send(booking.created(datetime.now(UTC)))
        wait(lambda: told(scene))
        assert told(scene)[0].title == "crmwire: crm: the CRM does not answer"
        scene.sandboxes["crm"].faults.arm([])
        scene.settle()
        wait(lambda: "well" in [one.event for one in told(scene)])


def test_a_rejected_booking_is_told_with_its_code_and_nothing_of_the_guest(
    tmp_path: Path, toy_installed: None
) -> None:
    with stage(tmp_path, {"crm": "toy"}, pace=PACE) as scene:
        scene.app.add_alert("ops", address="http://127.0.0.1:9/x", kind="webhook")
        fault = Fault(kind="status", status=422, method="POST", path="contacts")
        scene.sandboxes["crm"].faults.arm([fault])
        booking = SampleBooking(uid="b", email="zoe@example.com", name="Zoe Quux")
        scene.send(booking.created(datetime.now(UTC)))
        wait(lambda: told(scene))
        (one,) = told(scene)
        assert "the CRM refused the data (code HTTP 422)" in one.body
        assert "zoe" not in json.dumps([one.title, one.body, one.data]).lower()


def test_a_plugin_that_hangs_is_told_and_logged_once(
    tmp_path: Path, toy_installed: None, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "home" / "plugins"
    folder.mkdir(parents=True)
    (folder / "slow.py").write_text(
        "import time\nfrom crmwire import hookimpl\n\n@hookimpl\ndef map_event(event):\n"
        "    time.sleep(4)\n"
    )
    with stage(tmp_path, {"crm": "toy"}, settings={"read_timeout": 0.4}, pace=PACE) as scene:
        scene.app.add_alert("ops", address="http://127.0.0.1:9/x", kind="webhook")
        row = scene.app.store.connection("crm")
        scene.app.change_connection("crm", settings={**row.settings, "plugins": ["slow.py"]})
        booking = SampleBooking(uid="b", email="guest@example.com", name="Guest")
        scene.send(booking.created(datetime.now(UTC)))
        wait(lambda: told(scene))
        assert told(scene)[0].title == "crmwire: crm: a plugin hangs"
        assert scene.app.wrong_now()[0].trouble.seen.kind.key == "hangs"
        scene.settle()
        wait(lambda: scene.app.store.connection("crm").problem is None)
    assert capsys.readouterr().out.count("lane_set_aside") == 1


def test_a_secret_that_cannot_be_decrypted_stops_its_connection_and_is_told(
    tmp_path: Path, toy_installed: None
) -> None:
    with stage(tmp_path, {"crm": "toy"}, pace=PACE, check=False) as scene:
        scene.app.add_alert("ops", address="http://127.0.0.1:9/x", kind="webhook")
        scene.app.store.write(
            lambda db: db.execute(
                "UPDATE secrets SET blob = randomblob(60) WHERE owner = 'connection/1'"
            )
        )
        booking = SampleBooking(uid="b", email="guest@example.com", name="Guest")
        scene.send(booking.created(datetime.now(UTC)))
        wait(lambda: told(scene))
        assert told(scene)[0].title == "crmwire: crm: a secret cannot be read"
        assert [row.state for row in scene.rows()] == ["ready"]
        assert scene.app.check("crm").state == "vault"


def test_a_feed_that_fails_on_our_side_is_soon_checked_and_told(
    tmp_path: Path, toy_installed: None
) -> None:
    with stage(tmp_path, {"crm": "toy"}, pace=PACE) as scene:
        scene.app.add_alert("ops", address="http://127.0.0.1:9/x", kind="webhook")
        path = scene.app.feed_address(scene.app.store.feed("feed"))
        scene.app.set_signing_secret("feed", "a secret")
        scene.app.store.write(
            lambda db: db.execute(
                "UPDATE secrets SET blob = randomblob(60) WHERE name = 'signing'"
                " AND owner = 'feed/1'"
            )
        )
        with SandboxServer(scene.daemon.asgi) as server:
            answer = httpx.post(f"{server.url}{path}", json={}, trust_env=False)
        assert answer.status_code == 503
        wait(lambda: "feed/1" in scene.daemon.rechecker.step())
        wait(lambda: told(scene))
        assert told(scene)[0].title == "crmwire: feed: a secret cannot be read"
