"""Logging in to Attio through the sandbox's own pages, and every way in which that fails."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from crmwire.errors import Failure, LoginFailed, NeedsLogin, NotAllowed, RetryLater
from crmwire.sandbox import Fault
from crmwire.sandbox.loginpage import NoForm, press
from crmwire.setting_up import logins as steps
from crmwire.testing.stage import Stage, stage
from crmwire_attio import logins
from crmwire_attio.errorpage import page
from crmwire_attio.logins import REFUSED

linktime: Any = sys.modules["attio_scenes"].linktime
REDIRECT = "http://localhost:8765/oauth/callback"
APP = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}


class Team:
    """A team that connects its Attio, as `crmwire connect` does, and the sandbox it talks to."""

    def __init__(self, made: Stage) -> None:
        self.app = made.app
        self.sandbox: Any = made.sandboxes["attio"]
        self.url = made.urls["attio"]

    @property
    def settings(self) -> dict[str, str]:
        return {"host": self.url, "login_host": self.url, "client_id": APP["client_id"]}

    def begin(self, name: str = "own", *, secret: str = "sandbox-secret", **more: str) -> Any:
        openings, settings = self.app.openings, {**self.settings, **more}
        row = steps.prepared(openings, name, crm="attio", team=None, settings=settings)
        return steps.begin(
            openings,
            row,
            redirect_uri=REDIRECT,
            settings=settings,
            secrets={"client_secret": secret},
        )

    def finish(self, location: str) -> Any:
        return steps.finish(self.app.openings, urlsplit(location).query)

    def connect(self, name: str = "own", account: str = "sandbox", **more: str) -> Any:
        return self.finish(press(self.begin(name, **more).address, account=account))

    def opened(self, name: str = "own") -> Any:
        return self.app.openings.connection(self.app.store.connection(name))

    def http(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False)

    def authorised(self, account: str = "sandbox", **more: str) -> str:
        """A code, as a browser would bring it."""
        asked = {"client_id": APP["client_id"], "redirect_uri": REDIRECT, "response_type": "code"}
        address = f"{self.url}/authorize?{urlencode({**asked, 'state': 's', **more})}"
        [code] = parse_qs(urlsplit(press(address, account=account)).query)["code"]
        return code

    def exchange(self, code: str, **more: str) -> httpx.Response:
        form = {**APP, "grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        with self.http() as http:
            return http.post("/oauth/token", data={**form, **more})


Teams = Callable[..., Team]


@pytest.fixture
def teams(tmp_path: Path) -> Iterator[Teams]:
    """A team's stage, with these options of the sandbox."""
    with contextlib.ExitStack() as stack:

        def go(**options: str) -> Team:
            options = {"limits": "off", "link_delay": "60", **options}
            made = stack.enter_context(stage(tmp_path, {"attio": "attio"}, options=options))
            made.daemon.stop()
            return Team(made)

        yield go


@pytest.fixture
def team(teams: Teams) -> Team:
    return teams()


# ---------------------------------------------------------------- in


def test_team_logs_in_as_its_own_app_and_its_workspace_is_told(team: Team) -> None:
    connected = team.connect()
    assert connected.report.account_name == "Example 1"
    assert connected.report.user_name == "Sam Host"
    assert not connected.missing
    conn = team.opened()
    assert conn.hooks.check_connection().account_id == connected.report.account_id
    used = [
        one["path"] for one in team.sandbox.requests if one["path"].startswith(("/auth", "/oa"))
    ]
    assert used == ["/authorize", "/authorize", "/oauth/token"]


def test_person_chooses_the_workspace(teams: Teams) -> None:
    team = teams()
    second = team.sandbox.new_account("second", 2)
    team.sandbox.accounts["second"] = second
    connected = team.connect(account="second")
    assert connected.report.account_name == "Example 2"
    assert connected.report.account_id == second.id


def test_nothing_is_asked_for_that_attio_does_not_know(team: Team) -> None:
    """Scopes are the app's; there is no PKCE, no refresh token and no end."""
    asked = parse_qs(urlsplit(team.begin().address).query)
    assert set(asked) == {"client_id", "redirect_uri", "response_type", "state"}
    told = team.exchange(team.authorised()).json()
    assert set(told) == {"access_token", "token_type"}
    team.connect()
    login = team.app.store.login(team.app.store.connection("own").id)
    assert login is not None
    assert login.expires_at is None


def test_what_a_login_writes_bears_the_app_as_its_actor(team: Team, make: Any) -> None:
    team.connect()
    conn = team.opened()
    [written] = conn.hooks.write_records([make.person("ada@example.com")])
    workspace = team.sandbox.accounts["sandbox"]
    record = workspace.objects["people"].records[written.record]
    [actor] = record.values["created_by"]
    assert actor["referenced_actor_type"] == "app"


def test_scopes_of_the_app_are_the_logins_and_those_missing_are_named(teams: Teams) -> None:
    team = teams(app_scopes="record_permission:read-write object_configuration:read")
    connected = team.connect()
    assert connected.report.scopes == ("object_configuration:read", "record_permission:read-write")
    [missing] = [one for one in connected.report.findings if one.level == "error"]
    assert missing.subject == "note:read-write"
    assert "build.attio.com" in missing.remedy


def test_token_of_the_settings_does_as_well(team: Team) -> None:
    assert team.opened("attio").hooks.check_connection().account_name == "Example 1"


def test_static_token_and_login_to_one_workspace_share_a_lane(team: Team) -> None:
    team.connect()
    store = team.app.store
    assert store.connection("own").lane == store.connection("attio").lane


def test_api_and_login_stand_at_different_hosts() -> None:
    class Settings:
        host: str | None = None
        login_host: str | None = None

    class Conn:
        settings = Settings()

    conn: Any = Conn()
    oauth = logins.scheme(conn).oauth
    assert oauth is not None
    assert oauth.authorize_url == "https://app.attio.com/authorize"
    assert oauth.token_url == "https://app.attio.com/oauth/token"
    conn.settings.host = "http://127.0.0.1:8103"
    oauth = logins.scheme(conn).oauth
    assert oauth is not None
    assert oauth.token_url == "http://127.0.0.1:8103/oauth/token"


# ---------------------------------------------------------------- not in: the page


def test_declined_login_says_so(team: Team) -> None:
    location = press(team.begin().address, decision="deny")
    with pytest.raises(NotAllowed) as caught:
        team.finish(location)
    assert "declined" in caught.value.message
    assert "crmwire connect attio --name own" in caught.value.remedy


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        ({"client_id": "somebody"}, "client id is not known"),
        ({"redirect_uri": "https://evil.example.com/"}, "not one of those registered"),
    ],
)
def test_wrong_app_and_wrong_address_are_shown_and_never_come_back(
    team: Team, wrong: dict[str, str], shown: str
) -> None:
    with pytest.raises(NoForm, match=shown):
        team.authorised(**wrong)
    started = team.begin()
    assert "build.attio.com" in started.hint
    assert "redirect address" in started.hint


def test_address_must_be_the_registered_one(teams: Teams) -> None:
    team = teams(redirects="https://example.com/oauth/callback")
    with pytest.raises(NoForm, match="registered"):
        press(team.begin().address)


def test_other_kind_of_answer_is_refused(team: Team) -> None:
    with team.http() as http:
        asked = {"client_id": APP["client_id"], "redirect_uri": REDIRECT, "response_type": "token"}
        answer = http.get("/authorize", params=asked)
    assert answer.status_code == 303
    assert "error=unsupported_response_type" in answer.headers["location"]


# ---------------------------------------------------------------- not in: the code


def refusal(team: Team, answer: httpx.Response) -> Failure:
    """What the plugin makes of it, through the connection's hook."""
    conn = team.opened("attio")
    found = conn.hooks.classify_login_error(answer.status_code, dict(answer.headers), answer.text)
    assert isinstance(found, Failure)
    assert found.remedy
    assert "NAME" not in found.remedy
    return found


def test_each_refusal_of_the_token_endpoint_has_its_own_message_and_remedy(
    teams: Teams,
) -> None:
    team = teams(code_life="600")
    used = team.authorised()
    assert team.exchange(used).status_code == 200
    other = team.sandbox.logins.apps["sandbox-client"].__class__
    team.sandbox.logins.apps["other"] = other(client_id="other", secret="other")
    expired = team.authorised()
    team.sandbox.logins._codes[expired].expires_at = 0.0
    answers = {
        "wrong_secret": team.exchange(team.authorised(), client_secret="wrong"),
        "invalid_client": team.exchange(team.authorised(), client_id="nobody"),
        "expired_code": team.exchange(expired),
        "used_code": team.exchange(used),
        "other_redirect": team.exchange(team.authorised(), redirect_uri="http://localhost:1/x"),
        "other_client": team.exchange(team.authorised(), client_id="other", client_secret="other"),
        "invalid_grant": team.exchange("nothing"),
        "unsupported_grant_type": team.exchange("x", grant_type="password"),
    }
    found = {code: refusal(team, answer) for code, answer in answers.items()}
    assert {code: failure.code for code, failure in found.items()} == {code: code for code in found}
    assert len({failure.message for failure in found.values()}) == len(found)
    assert all(isinstance(failure, NeedsLogin) for failure in found.values())
    assert all(answer.status_code in (400, 401) for answer in answers.values())


def test_code_that_comes_twice_ends_what_it_gave(team: Team) -> None:
    code = team.authorised()
    token = team.exchange(code).json()["access_token"]
    assert team.exchange(code).status_code == 400
    with team.http() as http:
        told = http.get("/v2/self", headers={"authorization": f"Bearer {token}"})
    assert told.json() == {"active": False}


@pytest.mark.parametrize("refused", REFUSED, ids=lambda one: one.name or one.code)
def test_every_refusal_known_is_told_with_a_remedy(refused: Any) -> None:
    body = {"error": refused.code, "error_description": f"so {refused.told}"}
    found = logins.failure(0, json.dumps(body), "own")
    assert type(found) is refused.kind
    assert found is not None
    assert found.code == (refused.name or refused.code)
    assert found.message.startswith(refused.message)
    assert found.remedy == refused.remedy.replace("NAME", "own")
    row = f"`{found.code}` | {refused.message} |"
    assert row in page()
    assert refused.remedy in page()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"error": "something_new"}', "something_new"),
        ('{"status_code": 401, "type": "auth_error", "code": "unauthorized", "message": "x"}',
         "unauthorized"),
        ("<html></html>", None),
        ("[]", None),
        ("{}", None),
    ],
)  # fmt: skip
def test_body_of_another_form_is_judged_as_well_as_it_can_be(body: str, code: str | None) -> None:
    found = logins.failure(400, body, "own")
    assert (found.code if found else None) == code


def test_secret_that_was_changed_at_attio_is_named(team: Team) -> None:
    location = press(team.begin(secret="wrong").address)
    with pytest.raises(NeedsLogin) as caught:
        team.finish(location)
    assert caught.value.code == "wrong_secret"
    assert "--client-secret-stdin" in caught.value.remedy


def test_login_that_attio_cannot_answer_is_no_lost_login(team: Team) -> None:
    location = press(team.begin().address)
    team.sandbox.faults.arm([Fault(kind="status", status=503, path="/oauth/token")])
    with pytest.raises(RetryLater):
        team.finish(location)


def test_other_workspace_than_before_is_refused(teams: Teams) -> None:
    team = teams()
    team.sandbox.accounts["second"] = team.sandbox.new_account("second", 2)
    team.connect()
    with pytest.raises(LoginFailed, match="Example 2"):
        team.connect(account="second")


# ---------------------------------------------------------------- out


def test_login_revoked_by_the_workspaces_admin_is_noticed_and_comes_back(
    team: Team, make: Any
) -> None:
    team.connect()
    conn = team.opened()
    assert conn.hooks.check_connection()
    with team.http() as http:
        done = http.post("/__sandbox__/admin", json={"action": "uninstall_app"})
    assert done.json() == {"ended": 1}
    with pytest.raises(NeedsLogin) as caught:
        conn.hooks.check_connection()
    assert caught.value.code == "inactive"
    assert "crmwire connect attio --name own" in caught.value.remedy
    [answer] = conn.hooks.find_records([make.query("ada@example.com")])
    assert isinstance(answer, NeedsLogin)
    assert team.connect().again
    assert team.opened().hooks.check_connection()


def test_token_is_revoked_at_attio(team: Team) -> None:
    token = team.exchange(team.authorised()).json()["access_token"]
    request = logins.revocation(team.opened("attio"), token)
    assert request is not None
    assert request.form == {"token": token}
    with team.http() as http:
        bearer = {"authorization": f"Bearer {token}"}
        assert http.post("/oauth/introspect", headers=bearer).json()["active"] is True
        assert http.post(request.path, data=dict(request.form)).status_code == 204
        assert http.get("/v2/self", headers=bearer).json() == {"active": False}
        assert http.get("/v2/objects", headers=bearer).status_code == 401
        assert http.post("/oauth/introspect", headers=bearer).json() == {"active": False}
        assert http.post("/oauth/revoke").status_code == 400
        assert http.post("/oauth/revoke", headers=bearer, data={"token": "x"}).status_code == 400


def test_bookings_wait_for_a_new_login_and_are_then_written_once_each(tmp_path: Path) -> None:
    """The app is uninstalled while bookings come in."""
    options = {"limits": "off", "link_delay": "60"}
    with stage(tmp_path, {"attio": "attio"}, options=options) as made:
        team, app = Team(made), made.app
        team.connect()
        for route in app.store.routes():
            app.remove_route(route.name)
        app.add_route(feed="feed", connection="own", preset="linktime")
        [feed] = app.store.feeds()

        def book(number: int) -> None:
            event = linktime(id=f"b{number}", at=number, invitee={
                "name": f"Guest {number}", "email": f"g{number}@example.com", "timezone": "UTC"
            })  # fmt: skip
            for one in app.store.accept(feed.id, [event], app.clock.now()):
                made.daemon.engine.wake(one.lanes)

        for number in range(5):
            book(number)
        made.settle()
        team.sandbox.logins.end("sandbox")
        for number in range(5, 12):
            book(number)
        deadline = time.monotonic() + 20
        while app.store.connection("own").state != "needs_login" or len(made.rows("ready")) < 7:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        team.connect()
        made.daemon.engine.wake([str(app.store.connection("own").lane)])
        made.settle()
        assert [row.state for row in made.rows()] == ["delivered"] * 12
        workspace = team.sandbox.accounts["sandbox"]
        assert len(workspace.objects["people"].records) == len(workspace.notes) == 12
