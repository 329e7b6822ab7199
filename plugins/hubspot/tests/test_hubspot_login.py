"""Logging in by HubSpot's own page, staying logged in, and every way in which that ends."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from crmwire.errors import Failure, LoginFailed, NeedsLogin, NotAllowed, RetryLater
from crmwire.keeping import keep_alive
from crmwire.sandbox import CLIENT_ID, CLIENT_SECRET, Fault
from crmwire.sandbox.loginpage import NoForm, press
from crmwire_hubspot.login import DAY, KEEP_ALIVE
from crmwire_hubspot.scopes import OPTIONAL, REQUIRED

BACK = "http://127.0.0.1:8765/oauth/callback"
SECRET = {"client_secret": CLIENT_SECRET}


@attrs.define
class Desk:
    """Somebody who connects an app to HubSpot, and the scene behind it."""

    scene: Any
    name: str = "hubspot"

    def begin(
        self, *, client: str = CLIENT_ID, secret: str = CLIENT_SECRET, back: str = BACK, **more: Any
    ) -> str:
        """The address of HubSpot's page."""
        app, url = self.scene.app, self.scene.vendor.url
        quick = {"tries": [0.01], "read_timeout": 10.0, "settle_after": 0.3}
        settings = {"host": url, "login_host": url, "client_id": client, **quick, **more}
        app.prepare_login(self.name, crm="hubspot", settings=settings)
        secrets = {"client_secret": secret}
        begun = app.begin_login(self.name, redirect_uri=back, settings=settings, secrets=secrets)
        return str(begun.address)

    def finish(self, address: str) -> Any:
        return self.scene.app.finish_login(urllib.parse.urlsplit(address).query)

    def log_in(self, portal: int | None = None, **more: Any) -> Any:
        chosen = {} if portal is None else {"account": str(portal)}
        return self.finish(press(self.begin(**more), **chosen))

    def portal(self, token: str = "sandbox") -> Any:
        return self.scene.vendor.app.accounts[token]

    @property
    def conn(self) -> Any:
        return self.scene.app.openings.connection(self.scene.app.store.connection(self.name))

    @property
    def row(self) -> Any:
        return self.scene.app.store.connection(self.name)

    def token_calls(self) -> int:
        return sum(one["path"].endswith("/token") for one in self.scene.vendor.app.requests)

    def answer(self, address: str, **changed: str) -> str:
        """The address that HubSpot's page sends back to, with some of its parameters changed."""
        parts = urllib.parse.urlsplit(press(address))
        query = dict(urllib.parse.parse_qsl(parts.query)) | changed
        return f"{BACK}?{urllib.parse.urlencode(query)}"


@pytest.fixture
def desk(new_scene: Callable[..., Any]) -> Desk:
    return Desk(new_scene())


# ---------------------------------------------------------------- logging in


def test_a_login_shows_the_portal_and_its_scopes_and_the_api_takes_its_token(desk: Desk) -> None:
    made = desk.log_in()
    portal = desk.portal()
    assert made.report.account_id == str(portal.portal_id)
    assert "app.hubspot.com" in made.report.account_name
    assert set(REQUIRED) <= set(made.report.scopes)
    assert made.missing == ()
    assert set(made.declined) == {one for one in OPTIONAL if one.startswith("crm.schemas.")}
    assert made.report.tier == "OAuth app"
    assert {limit.name: limit.calls for limit in made.report.limits} == {"calls": 110, "search": 5}
    token = desk.conn.login.token()
    assert len(token) > 300
    answer = desk.scene.vendor.send("GET", "/account-info/2026-09/details", token=token)
    assert answer.data["portalId"] == portal.portal_id
    assert "x-hubspot-ratelimit-daily" not in answer.headers


def test_the_address_asks_for_what_is_needed_and_for_what_is_optional_apart(desk: Desk) -> None:
    address = desk.begin(scopes=["crm.objects.deals.read"])
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
    assert query["scope"].split() == [*REQUIRED, "crm.objects.deals.read"]
    assert query["optional_scope"].split() == list(OPTIONAL)
    assert query["client_id"] == CLIENT_ID
    assert query["redirect_uri"] == BACK
    assert len(query["state"]) > 20
    fewer = desk.begin(optional_scopes=["crm.objects.owners.read"])
    assert "optional_scope=crm.objects.owners.read&" in fewer + "&"
    assert "optional_scope" not in desk.begin(optional_scopes=[])


def test_a_live_connection_goes_to_hubspots_own_hosts(desk: Desk) -> None:
    conn = desk.scene.app.openings.trial("live", "hubspot", {"client_id": "x"})
    oauth = conn.scheme.oauth
    assert oauth.authorize_url == "https://app.hubspot.com/oauth/authorize"
    assert oauth.token_url == "https://api.hubapi.com/oauth/2026-09/token"
    old = desk.scene.app.openings.trial("old", "hubspot", {"api_version": "v3"})
    assert old.scheme.oauth.token_url == "https://api.hubapi.com/oauth/v3/token"
    assert (oauth.lifetime, oauth.margin, oauth.pkce) == (1800.0, 300.0, False)


def test_the_person_chooses_the_portal_on_the_page(new_scene: Callable[..., Any]) -> None:
    desk = Desk(new_scene(tokens=("one", "two")))
    made = desk.log_in(portal=desk.portal("two").portal_id)
    assert made.report.account_id == str(desk.portal("two").portal_id)
    with pytest.raises(LoginFailed, match="belongs to"):
        desk.log_in(portal=desk.portal("one").portal_id)
    again = desk.log_in(portal=desk.portal("two").portal_id)
    assert again.again


def test_an_address_that_names_the_portal_offers_no_other(new_scene: Callable[..., Any]) -> None:
    desk = Desk(new_scene(tokens=("one", "two")))
    portal = desk.portal("two").portal_id
    address = desk.begin().replace("/oauth/authorize", f"/oauth/{portal}/authorize")
    assert desk.finish(press(address)).report.account_id == str(portal)


@pytest.mark.parametrize("version", ["2026-09", "2026-03", "v3"])
def test_each_version_logs_in_and_carries_a_booking(desk: Desk, version: str) -> None:
    desk.log_in(api_version=version)
    desk.scene.app.add_route(feed="cal", connection="hubspot", preset="linktime")
    assert desk.scene.happen(desk.scene.event()) == ["delivered"]
    assert len(desk.scene.records("meetings")) == 1
    told = "v3" if version == "v3" else version
    paths = {one["path"] for one in desk.scene.vendor.app.requests}
    assert f"/oauth/{told}/token" in paths


def test_a_static_token_stays_possible_and_gives_way_to_a_login(desk: Desk) -> None:
    desk.scene.route("linktime")
    assert desk.scene.happen(desk.scene.event()) == ["delivered"]
    made = desk.log_in()
    assert made.again
    assert desk.scene.happen(desk.scene.event()) == ["delivered"] * 2
    assert len(desk.conn.login.token()) > 300


# ---------------------------------------------------------------- scopes


def test_scopes_that_a_login_was_not_given_are_found_without_asking_for_them(desk: Desk) -> None:
    desk.scene.vendor.admin("revoke_scope", scope="crm.objects.owners.read")
    made = desk.log_in()
    assert "crm.objects.owners.read" in made.declined
    (finding,) = [one for one in made.report.findings if one.level != "ok"]
    assert (finding.level, finding.subject) == ("warning", "owners")
    assert "stay without one" in finding.message
    assert "crmwire connect" in finding.remedy
    calls = desk.scene.vendor.calls
    assert not [one for one in calls if "owners" in one or "batch/update" in one]
    (step,) = desk.conn.hooks.set_up(None)
    assert step.state == "impossible"
    assert "crm.schemas.companies.write" in step.remedy


def test_a_mapping_of_companies_says_which_scope_its_login_lacks(desk: Desk) -> None:
    desk.log_in(optional_scopes=["crm.objects.companies.read"])
    desk.scene.app.add_route(feed="cal", connection="hubspot", preset="timerex")
    found = desk.scene.app.check("hubspot").findings
    (error,) = [one for one in found if one.level == "error"]
    assert error.subject == "companies"
    assert "crm.objects.companies.write" in error.message


def test_setup_works_where_the_login_has_the_scope(desk: Desk) -> None:
    desk.scene.vendor.admin("grant_scope", scope="crm.schemas.companies.write")
    desk.log_in()
    (step,) = desk.conn.hooks.set_up(None)
    (done,) = desk.conn.hooks.set_up(None, [step.id])
    assert (step.state, done.state) == ("todo", "done")


# ---------------------------------------------------------------- what HubSpot's page refuses


@pytest.mark.parametrize(
    ("options", "begin", "told"),
    [
        ({}, {"client": "another"}, "client_id is not that of an app"),
        ({"redirects": "https://other.example.com/cb"}, {}, "registered redirect URLs"),
        ({"app_scopes": "oauth crm.objects.contacts.read"}, {}, "mismatch between the scopes"),
        ({}, {"scopes": ["crm.objects.tickets.read"]}, "mismatch between the scopes"),
    ],
    ids=["unknown app", "address not registered", "scope not on the app", "unknown scope"],
)
def test_what_the_page_refuses_never_comes_back_and_the_hint_says_where_to_look(
    new_scene: Callable[..., Any], options: dict[str, str], begin: dict[str, Any], told: str
) -> None:
    desk = Desk(new_scene(**options))
    with pytest.raises(NoForm, match=told) as shown:
        press(desk.begin(**begin))
    assert shown.value.status == 400
    hint = desk.scene.app.openings.trial("t", "hubspot", {}).scheme.oauth.hint
    assert "redirect address" in hint
    assert "super admin" in hint


@pytest.mark.parametrize(
    ("action", "more", "told"),
    [
        ("forbid_install", {}, "permission to install"),
        ("revoke_scope", {"scope": "crm.objects.contacts.write"}, "does not have"),
    ],
)
def test_a_portal_in_which_the_app_may_not_be_installed_is_refused_when_it_is_chosen(
    desk: Desk, action: str, more: dict[str, str], told: str
) -> None:
    desk.scene.vendor.admin(action, **more)
    with pytest.raises(NoForm, match=told):
        press(desk.begin())


def test_declining_says_so_and_changes_nothing(desk: Desk) -> None:
    desk.log_in()
    before = desk.conn.login.token()
    with pytest.raises(NotAllowed) as declined:
        desk.finish(press(desk.begin(), decision="deny"))
    assert declined.value.code == "access_denied"
    assert "somebody declined" in declined.value.message
    assert "crmwire connect hubspot --name hubspot" in declined.value.remedy
    assert desk.conn.login.token() == before


# ---------------------------------------------------------------- what the token endpoint refuses


def _refused(desk: Desk, address: str) -> Failure:
    with pytest.raises(NeedsLogin) as refused:
        desk.finish(address)
    return refused.value


def test_a_wrong_secret_names_the_apps_page(desk: Desk) -> None:
    failure = _refused(desk, press(desk.begin(secret="wrong")))
    assert failure.code == "BAD_CLIENT_SECRET"
    assert "--client-secret-stdin" in failure.remedy


def test_an_app_that_was_deleted_meanwhile_is_not_known(desk: Desk) -> None:
    back = press(desk.begin())
    desk.scene.vendor.app.logins.apps.clear()
    failure = _refused(desk, back)
    assert failure.code == "BAD_CLIENT_ID"
    assert "--client-id" in failure.remedy


def test_a_code_that_hubspot_did_not_give_is_refused(desk: Desk) -> None:
    failure = _refused(desk, desk.answer(desk.begin(), code="made-up"))
    assert failure.code == "BAD_AUTH_CODE"
    assert "Begin the login again" in failure.remedy


def test_a_code_that_expired_is_refused(new_scene: Callable[..., Any]) -> None:
    desk = Desk(new_scene(code_life="-1"))
    assert _refused(desk, press(desk.begin())).code == "BAD_AUTH_CODE"


def test_a_code_used_twice_is_refused_and_the_first_login_is_gone(desk: Desk) -> None:
    first, second = desk.begin(), desk.begin()
    back = press(first)
    code = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))["code"]
    desk.finish(back)
    assert _refused(desk, desk.answer(second, code=code)).code == "BAD_AUTH_CODE"


def test_a_code_made_for_another_address_is_refused(desk: Desk) -> None:
    other = BACK.replace("8765", "8766")
    back = press(desk.begin(back=other))
    code = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))["code"]
    failure = _refused(desk, desk.answer(desk.begin(), code=code))
    assert failure.code == "MISMATCH_REDIRECT_URI_AUTH_CODE"
    assert "return address that crmwire shows" in failure.remedy


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_token_endpoint_that_is_down_is_no_lost_login(desk: Desk, status: int) -> None:
    back = press(desk.begin())
    desk.scene.vendor.arm(Fault(kind="status", path="/token", status=status, times=1))
    with pytest.raises(RetryLater):
        desk.finish(back)


def test_a_page_of_html_is_no_refusal_and_an_unknown_code_is_one(desk: Desk) -> None:
    conn = desk.scene.app.openings.trial("t", "hubspot", {})
    assert conn.hooks.classify_login_error(400, {}, "<html>Bad gateway</html>") is None
    told = conn.hooks.classify_login_error(400, {}, json.dumps({"status": "NEW", "message": "m"}))
    assert isinstance(told, NeedsLogin)
    assert (told.code, told.message) == ("NEW", "HubSpot does not accept the login. m.")


# ---------------------------------------------------------------- staying logged in


def _route(desk: Desk) -> None:
    desk.scene.app.add_route(feed="cal", connection="hubspot", preset="linktime")
    desk.scene.happen(desk.scene.event())
    desk.scene.vendor.forget()


def test_an_expired_token_is_refreshed_once_and_the_request_repeated(desk: Desk) -> None:
    desk.log_in()
    _route(desk)
    desk.scene.vendor.admin("expire_tokens", seconds=75)
    assert desk.scene.happen(desk.scene.event()) == ["delivered"] * 2
    assert desk.token_calls() == 1
    assert len(desk.scene.records("meetings")) == 2


def test_a_token_is_refreshed_five_minutes_before_its_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.log_in()
    _route(desk)
    real = desk.scene.app.clock.now
    for minutes, refreshes in ((24, 0), (26, 1)):
        monkeypatch.setattr(
            desk.scene.app.clock, "now", lambda m=minutes: real() + timedelta(minutes=m)
        )
        desk.conn.http.get("account-info/2026-09/details")
        assert desk.token_calls() == refreshes


@pytest.mark.parametrize("rotation", ["no", "yes"])
def test_whatever_refresh_token_comes_is_kept(new_scene: Callable[..., Any], rotation: str) -> None:
    desk = Desk(new_scene(rotation=rotation))
    desk.log_in()
    for _ in range(3):
        desk.conn.login.refresh()
    assert desk.scene.vendor.app.logins.refreshes == 3
    desk.conn.hooks.check_connection()


@pytest.mark.parametrize("action", ["uninstall_app", "remove_user"])
def test_a_login_that_ended_in_hubspot_waits_for_a_new_one_and_loses_nothing(
    desk: Desk, action: str
) -> None:
    desk.log_in()
    _route(desk)
    desk.scene.vendor.admin(action)
    assert desk.scene.happen(desk.scene.event(), desk.scene.event()) == [
        "delivered",
        "ready",
        "ready",
    ]
    row = desk.row
    assert row.state == "needs_login"
    assert "uninstalled" in row.problem
    assert "crmwire connect hubspot --name hubspot" in row.remedy
    desk.scene.vendor.forget()
    desk.scene.happen()
    assert desk.scene.vendor.calls == []
    assert desk.log_in().again
    assert desk.scene.happen() == ["delivered"] * 3
    assert len(desk.scene.records("meetings")) == 3


def test_a_login_that_somebody_revoked_holds_as_long_as_its_token(desk: Desk) -> None:
    desk.log_in()
    _route(desk)
    for consent in desk.scene.vendor.app.logins.consents:
        consent.refresh = None
    assert desk.scene.happen(desk.scene.event()) == ["delivered"] * 2
    desk.scene.vendor.admin("expire_tokens")
    assert desk.scene.happen(desk.scene.event())[-1] == "ready"
    assert desk.row.state == "needs_login"


@pytest.mark.parametrize("kept", [True, False], ids=["kept alive", "left alone"])
def test_note_1_a_login_that_nothing_is_posted_by_for_180_days_is_not_lost(
    new_scene: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    """TimeRex's help page says that its own is; that HubSpot ends it so is not documented."""
    desk = Desk(new_scene(idle_life=str(180 * DAY)))
    desk.log_in()
    _route(desk)
    app, real, passed = desk.scene.app, desk.scene.app.clock.now, 0.0
    monkeypatch.setattr(app.clock, "now", lambda: real() + timedelta(seconds=passed))
    monkeypatch.setattr(desk.scene.vendor.app, "clock", lambda: app.clock.now().timestamp())
    for _ in range(200):
        passed += DAY
        if kept:
            keep_alive(app.openings)
    assert desk.token_calls() == (200 * DAY // KEEP_ALIVE if kept else 0)
    event = attrs.evolve(desk.scene.event(), occurred_at=app.clock.now())
    assert desk.scene.happen(event)[-1] == ("delivered" if kept else "ready")
    assert desk.row.state == ("ok" if kept else "needs_login")


# ---------------------------------------------------------------- ending it


def test_disconnecting_revokes_the_refresh_token_at_hubspot(desk: Desk) -> None:
    desk.log_in()
    desk.scene.vendor.forget()
    made = desk.scene.app.disconnect("hubspot")
    assert made.revoked
    assert desk.scene.vendor.calls == ["POST oauth/2026-09/token/revoke"]
    (sent,) = desk.scene.vendor.app.requests
    form = dict(urllib.parse.parse_qsl(sent["body"]))
    assert form["token_type_hint"] == "refresh_token"
    assert form["client_secret"] == CLIENT_SECRET
    assert [one.refresh for one in desk.scene.vendor.app.logins.consents] == [None]


def test_a_static_token_is_its_owners_to_end(desk: Desk) -> None:
    desk.scene.route("linktime")
    assert desk.scene.app.disconnect("hubspot").revoked is None


# ---------------------------------------------------------------- what the sandbox tells


def _form(desk: Desk, path: str, **members: str) -> Any:
    body = urllib.parse.urlencode(
        {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **members}
    )
    return desk.scene.vendor.send("POST", path, body.encode(), token=None)


def test_tokens_can_be_introspected_by_their_own_app(desk: Desk) -> None:
    desk.log_in()
    (consent,) = desk.scene.vendor.app.logins.consents
    access = _form(desk, "/oauth/2026-09/token/introspect", token=desk.conn.login.token()).data
    assert access["active"] is True
    assert access["hub_id"] == desk.portal().portal_id
    assert access["user"] == "admin@example.com"
    assert set(REQUIRED) <= set(access["scopes"])
    assert 0 < access["expires_in"] <= 1800
    refresh = _form(desk, "/oauth/v3/token/introspect", token=consent.refresh).data
    assert (refresh["token_type"], "expires_in" in refresh) == ("refresh", False)
    none = _form(desk, "/oauth/2026-09/token/introspect", token="sandbox")
    assert (none.status, none.data) == (200, {"active": False})


def test_the_old_paths_tell_of_tokens_too(desk: Desk) -> None:
    desk.log_in()
    (consent,) = desk.scene.vendor.app.logins.consents
    send = desk.scene.vendor.send
    told = send("GET", f"/oauth/v1/access-tokens/{desk.conn.login.token()}", token=None)
    assert told.data["hub_id"] == desk.portal().portal_id
    path = f"/oauth/v1/refresh-tokens/{consent.refresh}"
    assert send("GET", path, token=None).data["token_type"] == "refresh"
    assert send("DELETE", path, token=None).status == 204
    assert send("GET", path, token=None).status == 404


def test_an_app_can_remove_itself(desk: Desk) -> None:
    desk.log_in()
    token, path = desk.conn.login.token(), "/appinstalls/2026-09/external-install"
    assert desk.scene.vendor.send("DELETE", path, token=token).status == 204
    assert desk.scene.vendor.send("DELETE", path, token=token).status == 401
    answer = desk.scene.vendor.send("GET", "/account-info/2026-09/details", token=token)
    assert answer.data["category"] == "INVALID_AUTHENTICATION"


def test_a_token_that_is_over_says_since_when(desk: Desk) -> None:
    desk.log_in()
    token = desk.conn.login.token()
    desk.scene.vendor.admin("expire_tokens", seconds=75)
    answer = desk.scene.vendor.send("GET", "/account-info/2026-09/details", token=token)
    assert answer.data["category"] == "EXPIRED_AUTHENTICATION"
    assert "expired 75 second(s) ago" in answer.data["message"]
    ended = datetime.fromisoformat(answer.data["context"]["expire time"][0])
    assert timedelta(seconds=70) < datetime.now(UTC) - ended < timedelta(seconds=90)


def test_another_kind_of_grant_is_refused(desk: Desk) -> None:
    answer = _form(desk, "/oauth/2026-09/token", grant_type="password")
    assert (answer.status, answer.data["error"]) == (400, "unsupported_grant_type")
