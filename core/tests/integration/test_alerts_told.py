"""Who is told what, and when: at once, in digests, when it works again; never a storm."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import define

from crmwire import retaking
from crmwire.alerting.kinds import DAY, Pace
from crmwire.alerting.watcher import Watcher
from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.store import alerts, setup, unreadable
from crmwire.store.alerts import NoticeRow
from crmwire.testing.clock import HeldClock
from crmwire.types import Event
from crmwire.vocabulary import Booking, Details, Person

START = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
HOUR, MINUTE = 3600.0, 60.0


@define
class Scene:
    """A data folder whose time moves when told to; nothing is sent."""

    app: App
    clock: HeldClock
    watcher: Watcher

    def pass_(self, seconds: float) -> None:
        """Let time pass, with a look each second at first and then more seldom."""
        left = seconds
        while left > 0:
            step = min(left, 1.0 if seconds <= 30 else max(1.0, seconds / 60))
            self.clock.sleep(step)
            left -= step
            self.watcher.decide()

    def told(self) -> list[NoticeRow]:
        """All messages so far, oldest first."""
        with self.app.store.read() as db:
            return alerts.notices(db, 1000)[::-1]

    def titles(self) -> list[str]:
        return [one.title for one in self.told()]

    def restart(self) -> None:
        """Forget all that is only in memory."""
        self.watcher = Watcher(self.app.store, self.app.vault, self.clock)

    def connect(self, name: str, team: str = "default") -> int:
        return self.app.add_connection(
            name, crm="toy", token="t", team=team, settings={"host": "http://127.0.0.1:9"}
        ).id

    def put(self, connection: int, state: str, **more: object) -> None:
        self.app.store.write(
            lambda db: setup.set_connection_state(db, connection, state, **more)  # type: ignore[arg-type]
        )

    def hold(
        self,
        number: int,
        failure: str = "rejected",
        code: str = "TOO_LONG",
        remedy: str | None = None,
    ) -> None:
        """Hold so many new deliveries of every route."""
        made = [
            Event(
                type="booking.created",
                subject_id=f"{failure}-{code}-{one}-{self.clock.monotonic()}",
                occurred_at=self.clock.now(),
                details=Details(
                    booking=Booking(start=START, end=START + timedelta(hours=1)),
                    guest=Person(email=f"ada{one}@example.com", full_name="Ada Byron"),
                ),
            )
            for one in range(number)
        ]
        self.app.store.accept(self.app.store.feed("cal").id, made, self.clock.now())
        self.app.store.write(
            lambda db: db.execute(
                "UPDATE deliveries SET state = 4, failure = ?, code = ?, remedy = ?,"
                " reason = 'Ada Byron is too long' WHERE state = 0",
                (failure, code, remedy),
            )
        )

    def route(self, connection: str) -> None:
        self.app.add_route(feed="cal", connection=connection, preset="linktime")


@pytest.fixture
def scene(tmp_path: Path, toy_installed: None) -> Iterator[Scene]:
    pytest.importorskip("crmwire_calcom")
    clock = HeldClock(START)
    with surroundings(tmp_path), App(tmp_path / "home", clock=clock) as app:
        app.add_feed("cal", source="calcom", allow_unsigned=True)
        made = Scene(app, clock, Watcher(app.store, app.vault, clock))
        alert(made, "ops")
        yield made


def alert(scene: Scene, name: str, team: str = "default", digest: str = "daily") -> None:
    """Add a target without asking apprise whether its address is one."""

    def job(db: object) -> None:
        alerts.insert_target(
            db,  # type: ignore[arg-type]
            name=name,
            team=team,
            kind="webhook",
            service="webhook",
            digest=digest,
            now=scene.clock.now().timestamp(),
        )

    scene.app.store.write(job)


def test_a_lost_login_is_told_at_once_and_once(scene: Scene) -> None:
    sales = scene.connect("sales")
    scene.put(sales, "needs_login", problem="The token was revoked.", remedy="Log in.")
    scene.pass_(10)
    scene.pass_(20 * HOUR)
    (told,) = scene.told()
    assert told.title == "crmwire: sales: the login was lost"
    assert "The token was revoked." in told.body
    assert "Since 2027-03-01 09:00 UTC. Nothing waits." in told.body
    assert "Command: crmwire connection add toy --name sales" in told.body


def test_it_is_told_when_it_works_again_and_how_many_go_on(scene: Scene) -> None:
    sales = scene.connect("sales")
    scene.route("sales")
    scene.put(sales, "needs_login", problem="The token was revoked.")
    scene.pass_(10)
    event = Event(type="booking.created", subject_id="a", occurred_at=scene.clock.now())
    scene.app.store.accept(scene.app.store.feed("cal").id, [event], scene.clock.now())
    scene.put(sales, "ok")
    scene.pass_(25)
    scene.pass_(2 * HOUR)
    assert scene.titles()[1:] == ["crmwire: sales: logged in again"]
    assert "1 delivery waits; it goes on now" in scene.told()[1].body
    assert scene.told()[1].event == "well"


def test_a_login_that_is_refused_again_at_once_was_never_told_to_work(scene: Scene) -> None:
    sales = scene.connect("sales")
    for _ in range(3):
        scene.put(sales, "needs_login", problem="The token was revoked.")
        scene.pass_(10)
        scene.put(sales, "ok")
        scene.pass_(3)
    scene.put(sales, "needs_login", problem="The token was revoked.")
    scene.pass_(HOUR)
    assert len(scene.told()) == 1


def test_a_thousand_held_deliveries_of_one_kind_are_one_alert_and_one_digest_a_day(
    scene: Scene,
) -> None:
    scene.connect("sales")
    scene.route("sales")
    for _ in range(10):
        scene.hold(100)
        scene.pass_(10)
    scene.pass_(DAY / 2)
    assert scene.titles() == ["crmwire: sales: deliveries are held for a person"]
    scene.pass_(DAY)
    assert scene.titles()[1:] == ["crmwire: 1 thing is wrong"]
    digest = scene.told()[1]
    assert "1,000 deliveries are held." in digest.body
    assert "(code TOO_LONG)" in digest.body
    assert "crmwire deliveries --state held --connection sales --failure rejected" in digest.body
    scene.pass_(DAY)
    assert len(scene.told()) == 3


def test_a_weekly_digest_comes_once_a_week(scene: Scene) -> None:
    scene.app.store.write(lambda db: db.execute("UPDATE alert_targets SET digest = 'weekly'"))
    scene.connect("sales")
    scene.route("sales")
    scene.hold(1)
    scene.pass_(10)
    scene.pass_(6.5 * DAY)
    assert len(scene.told()) == 1
    scene.pass_(DAY)
    assert [one.event for one in scene.told()] == ["trouble", "digest"]


def test_no_digest_comes_when_nothing_is_wrong(scene: Scene) -> None:
    sales = scene.connect("sales")
    scene.put(sales, "needs_login")
    scene.pass_(10)
    scene.put(sales, "ok")
    scene.pass_(3 * DAY)
    assert [one.event for one in scene.told()] == ["trouble", "well"]


def test_a_hundred_connections_that_fail_at_once_are_told_together(scene: Scene) -> None:
    made = [scene.connect(f"c{number}") for number in range(100)]
    for connection in made:
        scene.put(connection, "needs_login", problem="Revoked.")
    scene.pass_(20)
    (told,) = scene.told()
    assert told.title == "crmwire: 100 connections: the login was lost"
    assert told.body.count("the login was lost") == 10
    assert "And 90 more: `crmwire status` lists all." in told.body
    assert len(told.data["data"]["troubles"]) == 100
    for connection in made:
        scene.put(connection, "ok")
    scene.pass_(30)
    scene.pass_(2 * HOUR)
    assert scene.titles()[1:] == ["crmwire: 100 connections: logged in again"]


def test_connections_that_fail_one_after_the_other_are_no_storm(scene: Scene) -> None:
    made = [scene.connect(f"c{number}") for number in range(100)]
    for connection in made:
        scene.put(connection, "needs_login", problem="Revoked.")
        scene.pass_(2)
    scene.pass_(HOUR)
    told = scene.told()
    assert len(told) <= 6
    names = [one["name"] for notice in told for one in notice.data["data"]["troubles"]]
    assert sorted(names) == sorted(f"c{number}" for number in range(100))


def test_each_connection_and_each_reason_is_told_at_once(scene: Scene) -> None:
    scene.connect("sales")
    scene.route("sales")
    scene.hold(1, code="A")
    scene.pass_(10)
    scene.hold(1, failure="not_allowed", code="FORBIDDEN")
    scene.pass_(10)
    scene.hold(1, code="B")
    scene.pass_(10)
    assert len(scene.told()) == 3
    assert "does not allow something" in scene.titles()[1]


def test_the_plugins_own_advice_is_told_unless_it_names_the_guest(scene: Scene) -> None:
    scene.connect("sales")
    scene.route("sales")
    scene.hold(1, code="A", remedy="Map the required field Industry.")
    scene.hold(1, code="B", remedy="Shorten Byron.")
    scene.pass_(10)
    (told,) = scene.told()
    assert "What to do: Map the required field Industry." in told.body
    assert "What to do: Look at one of them" in told.body
    assert "Byron" not in told.body


def test_what_comes_and_goes_is_told_three_times_a_day_at_most(scene: Scene) -> None:
    sales = scene.connect("sales")
    for _ in range(20):
        scene.put(sales, "needs_login", problem="Revoked.")
        scene.pass_(30)
        scene.put(sales, "ok")
        scene.pass_(10 * MINUTE)
    assert [one.event for one in scene.told()].count("trouble") == 3
    assert [one.event for one in scene.told()].count("well") == 3


def test_a_short_outage_of_the_vendor_is_not_told_and_a_long_one_is(scene: Scene) -> None:
    sales = scene.connect("sales")
    scene.route("sales")
    event = Event(type="booking.created", subject_id="a", occurred_at=scene.clock.now())
    scene.app.store.accept(scene.app.store.feed("cal").id, [event], scene.clock.now())
    lane = scene.app.store.connection_by_id(sales).lane

    def rests(minutes: int) -> None:
        for _ in range(minutes * 6):
            until = scene.clock.now() + timedelta(seconds=5)
            scene.app.store.pause(lane, until, "The CRM is not available.", "HTTP 503")
            scene.pass_(10)

    rests(10)
    scene.pass_(10 * MINUTE)
    assert scene.told() == []
    rests(20)
    assert scene.titles() == ["crmwire: sales: the CRM does not answer"]
    scene.pass_(10 * MINUTE)
    assert scene.titles()[1:] == ["crmwire: sales: the CRM answers again"]


def test_a_spent_budget_is_told_at_once_since_it_lasts(scene: Scene) -> None:
    sales = scene.connect("sales")
    scene.route("sales")
    event = Event(type="booking.created", subject_id="a", occurred_at=scene.clock.now())
    scene.app.store.accept(scene.app.store.feed("cal").id, [event], scene.clock.now())
    lane = scene.app.store.connection_by_id(sales).lane
    until = scene.clock.now() + timedelta(hours=6)
    reason = "The daily limit of the account is used up."
    scene.app.store.pause(lane, until, reason, "LIMIT_USED_UP")
    scene.pass_(10)
    (told,) = scene.told()
    assert told.title == "crmwire: sales: a limit of the account is used up"
    assert "1 delivery waits." in told.body


def test_deliveries_that_fail_for_long_tell_of_a_vendor_that_is_down(scene: Scene) -> None:
    scene.connect("sales")
    scene.route("sales")
    event = Event(type="booking.created", subject_id="a", occurred_at=scene.clock.now())
    scene.app.store.accept(scene.app.store.feed("cal").id, [event], scene.clock.now())
    now = scene.clock.now().timestamp()
    scene.app.store.write(
        lambda db: db.execute(
            "UPDATE deliveries SET failure = 'retry_later', first_try_at = ?", (now,)
        )
    )
    scene.pass_(20 * MINUTE)
    assert scene.told() == []
    scene.pass_(15 * MINUTE)
    assert scene.titles() == ["crmwire: sales: the CRM does not answer"]


@pytest.mark.parametrize(
    ("cause", "title"),
    [
        ("hangs", "a plugin hangs"),
        ("plugin", "a plugin fails"),
        ("vault", "a secret cannot be read"),
    ],
)
def test_what_stops_a_connection_is_told(scene: Scene, cause: str, title: str) -> None:
    sales = scene.connect("sales")
    scene.put(sales, "ok", problem="KeyError: 'Ada Byron'", remedy="Mend it.", cause=cause)
    scene.pass_(10)
    (told,) = scene.told()
    assert told.title == f"crmwire: sales: {title}"
    assert "Ada" not in told.body


def test_refused_and_unreadable_webhooks_are_told(scene: Scene) -> None:
    feed = scene.app.store.feed("cal").id
    for _ in range(50):
        scene.watcher.intakes.refused(feed, scene.clock.now().timestamp())
    scene.app.store.keep_unreadable(feed, b"{}", "no 'Ada Byron' there", scene.clock.now())
    scene.watcher.save_intakes()
    scene.pass_(10)
    assert sorted(scene.titles()) == [
        "crmwire: cal: webhooks could not be read",
        "crmwire: cal: webhooks were refused",
    ]
    assert "50 webhooks had a wrong, old or missing signature" in "".join(
        one.body for one in scene.told()
    )
    scene.watcher.intakes.taken(feed, scene.clock.now().timestamp())
    scene.watcher.save_intakes()
    scene.pass_(HOUR)
    assert scene.titles()[2:] == ["crmwire: cal: webhooks are taken again"]
    scene.pass_(DAY)
    assert "no unreadable webhook came in for a day" in scene.titles()[-1]


def test_a_feed_of_which_no_more_unreadable_webhooks_are_kept_is_told_until_they_are_fewer(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unreadable, "MOST_KEPT", 2)
    feed = scene.app.store.feed("cal").id
    for _ in range(3):
        scene.app.store.keep_unreadable(feed, b"{}", "no JSON", scene.clock.now())
    scene.pass_(10)
    assert "no more are kept: they are refused" in scene.told()[-1].body
    scene.pass_(2 * DAY)
    assert set(scene.titles()[1:]) == {"crmwire: 1 thing is wrong"}, "only fewer of them end it"
    retaking.dismiss(scene.app.openings, [1])
    scene.pass_(10)
    assert "no unreadable webhook came in for a day" in scene.titles()[-1]


def test_a_removed_connection_is_not_said_to_work_again(scene: Scene) -> None:
    sales = scene.connect("sales")
    scene.put(sales, "needs_login", problem="Revoked.")
    scene.pass_(10)
    scene.app.remove_connection("sales")
    scene.pass_(HOUR)
    assert [one.event for one in scene.told()] == ["trouble"]


def test_a_team_hears_only_of_its_own(scene: Scene) -> None:
    alert(scene, "north", team="north")
    alert(scene, "all", team="*")
    scene.put(scene.connect("sales"), "needs_login", problem="Revoked.")
    scene.put(scene.connect("north-crm", "north"), "needs_login", problem="Revoked.")
    scene.pass_(10)
    with scene.app.store.read() as db:
        names = {row.id: row.name for row in alerts.targets(db)}
    told = {names[one.target]: one.title.split(": ")[1] for one in scene.told()}
    assert told == {"ops": "sales", "north": "north-crm", "all": "2 connections"}


def test_who_is_added_later_is_told_of_what_is_still_wrong(scene: Scene) -> None:
    scene.put(scene.connect("sales"), "needs_login", problem="Revoked.")
    scene.pass_(HOUR)
    alert(scene, "late")
    scene.pass_(10)
    assert len(scene.told()) == 2


def test_a_restart_neither_repeats_nor_loses(scene: Scene) -> None:
    sales = scene.connect("sales")
    scene.put(sales, "needs_login", problem="Revoked.")
    for _ in range(30):
        scene.restart()
        scene.pass_(1)
    assert len(scene.told()) == 1
    scene.put(sales, "ok")
    for _ in range(60):
        scene.restart()
        scene.pass_(1)
    assert [one.event for one in scene.told()] == ["trouble", "well"]


def test_no_alert_holds_a_persons_data_or_a_token(scene: Scene) -> None:
    token = "xoxb-4242424242-abcdefghijklmnop"
    sales = scene.connect("sales")
    scene.route("sales")
    scene.hold(3, code="bad email ada0@example.com")
    scene.hold(3, code=token * 2)
    problem = f"ada@example.com (+44 20 7946 0123) used {token}: see https://crm.example.com/ada"
    scene.put(sales, "needs_login", problem=problem)
    scene.pass_(2 * DAY)
    whole = "".join(f"{one.title}{one.body}{one.data}" for one in scene.told())
    assert "the login was lost" in whole
    for word in ("ada", "Byron", token, "7946"):
        assert word not in whole


def test_quick_looks_write_nothing_while_nothing_changes(scene: Scene) -> None:
    scene.put(scene.connect("sales"), "needs_login", problem="Revoked.")
    scene.pass_(30)
    assert all(scene.watcher.decide().empty for _ in range(5))


def test_the_pace_can_be_shortened_and_not_bypassed(scene: Scene) -> None:
    pace = Pace(gather=0.1, scale=1 / DAY)
    scene.watcher = Watcher(scene.app.store, scene.app.vault, scene.clock, pace)
    scene.put(scene.connect("sales"), "needs_login", problem="Revoked.")
    scene.pass_(4)
    assert [one.event for one in scene.told()][:3] == ["trouble", "digest", "digest"]
