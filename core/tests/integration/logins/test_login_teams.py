"""Two teams, each with an app of its own, at one CRM account: apart in all but the lane."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from crmwire.errors import ConfigurationError
from crmwire.sandbox.loginpage import press
from crmwire.sandbox.logins import LoginApp
from crmwire.store import setup

TEAMS = ("north", "south")


def log_in(toy: Any, name: str, team: str) -> None:
    """Log in by an app of the team's own."""
    url = toy.app.store.connection("crm").settings["host"]
    app = LoginApp(client_id=f"app-of-{name}", secret=f"secret-of-{name}")
    toy.sandbox.logins.apps[app.client_id] = app
    settings = {"client_id": app.client_id, "host": url, "login_host": url, "tries": [0.01]}
    toy.app.prepare_login(name, crm="toy", team=team, settings=settings)
    started = toy.app.begin_login(
        name,
        redirect_uri="http://localhost:8765/oauth/callback",
        settings=settings,
        secrets={"client_secret": app.secret},
    )
    toy.app.finish_login(urlsplit(press(started.address)).query)


def feed(toy: Any, name: str, team: str) -> int:
    return int(
        toy.app.store.write(
            lambda db: setup.insert_feed(
                db, name=name, team=team, source="none", token_hash=name.encode(), settings={},
                allow_unsigned=True, since=None, now=0.0,
            )
        )
    )  # fmt: skip


def test_teams_of_one_account_have_a_lane_in_common_and_nothing_else(
    toy: Callable[..., AbstractContextManager[Any]], tmp_path: Path
) -> None:
    with toy(tmp_path) as one:
        store, feeds = one.app.store, {}
        for team in TEAMS:
            log_in(one, team, team)
            feeds[team] = feed(one, f"{team}-cal", team)
            one.app.add_route(feed=f"{team}-cal", connection=team, preset="linktime")
        north, south = (store.connection(team) for team in TEAMS)
        assert north.lane == south.lane
        kept = [one.app.vault.all(row.owner) for row in (north, south)]
        assert [secrets["client_secret"] for secrets in kept] == [
            f"secret-of-{team}" for team in TEAMS
        ]
        assert kept[0]["access_token"] != kept[1]["access_token"]
        assert [row.team for row in store.routes() if row.name != "cal-crm"] == list(TEAMS)

        one.app.disconnect("north")
        now = one.app.clock.now()
        for team in TEAMS:
            event = one.event("created", f"b-{team}", 1, email=f"{team}@example.com")
            store.accept(feeds[team], [event], now)
        one.drain()
        rows = one.app.deliveries()
        assert {row.connection: row.state for row in rows} == {
            "north": "ready",
            "south": "delivered",
        }
        log_in(one, "north", "north")
        one.drain_until_done()
        assert Counter(row.state for row in one.app.deliveries()) == {"delivered": 2}
        assert one.people() == 2


def test_a_feed_is_not_carried_into_another_teams_account(
    toy: Callable[..., AbstractContextManager[Any]], tmp_path: Path
) -> None:
    with toy(tmp_path) as one:
        log_in(one, "north", "north")
        with pytest.raises(ConfigurationError, match="of the team default, the connection north"):
            one.app.add_route(feed="cal", connection="north", preset="linktime")


def test_one_connection_serves_many_pages(
    toy: Callable[..., AbstractContextManager[Any]], tmp_path: Path
) -> None:
    with toy(tmp_path) as one:
        one.app.remove_route("cal-crm")
        for page in ("7", "8"):
            one.app.add_route(
                feed="cal", connection="crm", preset="linktime", page=page, name=f"page-{page}"
            )
        for page in ("7", "8", "9"):
            one.accept(one.event("created", f"b{page}", 1, page=page))
        one.drain_until_done()
        assert sorted(row.route for row in one.app.deliveries()) == ["page-7", "page-8"]
        assert set(one.states()) == {"delivered"}
