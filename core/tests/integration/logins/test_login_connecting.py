"""Logging in: what a person does once, and what stays when they do it again."""

from __future__ import annotations

import threading
import urllib.request
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from crmwire import documents
from crmwire.errors import ConfigurationError, LoginFailed, NeedsLogin, NotAllowed
from crmwire.logins.loopback import Loopback
from crmwire.sandbox import CLIENT_ID, CLIENT_SECRET
from crmwire.sandbox.loginpage import NoForm, press


def test_a_person_who_consents_is_logged_in_to_that_account(bench: Any) -> None:
    made = bench.connect(account="second-account")
    assert (made.report.account_name, made.again) == ("Example Ltd 2", False)
    assert bench.state() == "ok"
    assert bench.app.store.connection("crm").lane == "toy:toy-2"
    assert bench.open().http.get("me").json()["account"] == "toy-2"
    assert bench.app.check("crm").ok


def test_the_address_asks_with_state_challenge_and_scopes(bench: Any) -> None:
    asked = parse_qs(urlsplit(bench.begin(scopes=["more"]).address).query)
    assert asked["response_type"] == ["code"]
    assert asked["client_id"] == [CLIENT_ID]
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["code_challenge"][0]) == 43
    assert len(asked["state"][0]) >= 43
    assert asked["scope"] == ["records more"]
    assert "client_secret" not in asked


def test_tokens_and_the_app_s_secret_are_in_the_vault_alone(bench: Any) -> None:
    bench.connect()
    kept = bench.secrets()
    assert set(kept) == {"access_token", "refresh_token", "client_secret"}
    bench.app.close()
    for file in bench.folder.joinpath("home").rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        for secret in kept.values():
            assert secret.encode() not in content, file
    bench.app.__init__(bench.folder / "home")


def test_logging_in_again_keeps_the_connection_and_replaces_its_tokens(bench: Any) -> None:
    bench.connect()
    before, id_ = bench.secrets(), bench.app.store.connection("crm").id
    made = bench.connect()
    assert made.again
    assert bench.app.store.connection("crm").id == id_
    assert bench.secrets()["access_token"] != before["access_token"]
    assert bench.login().number == 3  # made, logged in, logged in again


def test_another_account_is_refused_and_the_old_login_stays(bench: Any) -> None:
    bench.connect()
    before = bench.secrets()
    with pytest.raises(LoginFailed, match=r"Example Ltd 2 .* belongs to Example Ltd 1"):
        bench.connect(account="second-account")
    assert bench.secrets() == before
    assert bench.state() == "ok"
    assert bench.open().http.get("me").json()["account"] == "toy-1"


def test_what_was_cached_as_another_user_is_forgotten(bench: Any) -> None:
    bench.connect()
    assert bench.open().cache("user", 1e6, lambda: "before") == "before"
    bench.connect()
    assert bench.open().cache("user", 1e6, lambda: "after") == "after"


def test_a_login_that_is_given_up_changes_nothing(bench: Any) -> None:
    bench.connect()
    bench.begin(client_id="another-app", zone="Europe/London")
    row = bench.app.store.connection("crm")
    assert row.settings["client_id"] == CLIENT_ID
    assert "zone" not in row.settings
    bench.sandbox.logins.expire("first-account")
    assert bench.open().http.get("me").status == 200


def test_a_new_connection_waits_until_somebody_logs_in(bench: Any) -> None:
    bench.begin()
    row = bench.app.store.connection("crm")
    assert (row.state, row.problem) == ("disconnected", "Nobody has logged in yet.")
    with pytest.raises(NeedsLogin, match="no token") as caught:
        bench.open().http.get("me")
    assert caught.value.remedy == "Run `crmwire connect toy --name crm`."


def test_who_declines_is_told_so(bench: Any) -> None:
    with pytest.raises(NotAllowed, match="declined"):
        bench.app.finish_login(bench.back(bench.begin(), decision="deny"))
    assert bench.state() == "disconnected"


def test_a_wrong_secret_is_told_with_its_remedy(bench: Any) -> None:
    chosen = bench.settings()
    bench.app.prepare_login("crm", crm="toy", settings=chosen)
    started = bench.app.begin_login(
        "crm", redirect_uri="http://localhost:1/x", settings=chosen, secrets={"client_secret": "no"}
    )
    with pytest.raises(NeedsLogin, match="does not know the app") as caught:
        bench.app.finish_login(bench.back(started))
    assert "--client-secret-stdin" in caught.value.remedy


def test_an_app_that_the_vendor_does_not_know_never_comes_back(bench: Any) -> None:
    with pytest.raises(NoForm, match="unknown_client"):
        bench.back(bench.begin(client_id="stranger"))


def test_scopes_that_were_not_given_are_named(bench: Any) -> None:
    started = bench.begin()
    wanted = started.address.replace("scope=records", "scope=fewer")
    made = bench.app.finish_login(urlsplit(press(wanted)).query)
    assert made.missing == ("records",)
    assert "did not give: records" in made.summary


def test_an_app_logs_in_as_itself(bench: Any) -> None:
    chosen = bench.settings(grant="client_credentials")
    bench.app.prepare_login("crm", crm="toy", settings=chosen)
    assert not bench.app.needs_person("crm", chosen)
    made = bench.app.log_in_by_itself(
        "crm", settings=chosen, secrets={"client_secret": CLIENT_SECRET}
    )
    assert made.report.account_name == "Example Ltd 1"
    assert set(bench.secrets()) == {"access_token", "client_secret"}
    bench.sandbox.logins.expire("first-account")
    assert bench.open().http.get("me").status == 200  # it asked for another token by itself
    assert [call["grant_type"] for call in bench.token_calls()] == [["client_credentials"]] * 2


def test_an_app_without_its_secret_is_not_sent_anywhere(bench: Any) -> None:
    chosen = bench.settings(grant="client_credentials")
    bench.app.prepare_login("crm", crm="toy", settings=chosen)
    with pytest.raises(ConfigurationError, match="needs its secret"):
        bench.app.log_in_by_itself("crm", settings=chosen)
    assert bench.token_calls() == []


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"grant": "jwt_bearer"}, "no login of the kind"),
        ({"client_id": ""}, "no app to log in with"),
        ({"login_host": "https://login.example.net"}, "not a host of this CRM"),
        ({"login_host": "http://toycrm.example.com"}, "not https"),
        ({"host": "https://evil.example.net"}, "not a host of this CRM"),
    ],
)
def test_what_cannot_work_is_said_before_anybody_logs_in(
    bench: Any, more: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        bench.begin(**more)


def test_a_name_of_another_team_or_crm_is_not_taken_over(bench: Any) -> None:
    bench.connect()
    with pytest.raises(ConfigurationError, match="already"):
        bench.app.prepare_login("crm", crm="toy", team="other", settings=bench.settings())


def test_a_static_token_takes_the_place_of_a_login(bench: Any) -> None:
    bench.connect()
    bench.app.set_token("crm", "first-account")
    assert set(bench.secrets()) == {"token"}
    assert bench.open().http.get("me").status == 200
    bench.connect()
    assert "token" not in bench.secrets()


class TestLoopback:
    """The browser that comes back to a waiting command."""

    def test_it_takes_the_login_it_waits_for_and_nothing_else(self, bench: Any) -> None:
        answers: list[tuple[int, str]] = []
        with Loopback(0) as waiting:
            started = bench.begin(redirect_uri=waiting.redirect_uri)

            def browse() -> None:
                local = f"http://127.0.0.1:{waiting.port}"
                back = press(started.address)
                for address, host in (
                    (f"{local}/favicon.ico", "localhost:1"),
                    (back.replace("localhost", "127.0.0.1"), "evil.example.net"),
                    (f"{local}/oauth/callback?code=x&state=wrong", "localhost:1"),
                    (f"{local}/oauth/callback", "localhost:1"),
                    (back.replace("localhost", "127.0.0.1"), "localhost:1"),
                ):
                    answers.append(_got(address, host))

            thread = threading.Thread(target=browse)
            thread.start()
            made = waiting.wait(
                started.state, bench.app.finish_login, timeout=20, done=lambda one: one.summary
            )
            thread.join()
        assert made.report.account_name == "Example Ltd 1"
        assert [status for status, _ in answers] == [404, 404, 400, 400, 200]
        assert "Example Ltd 1" in answers[-1][1]

    def test_it_gives_up_after_its_time_with_a_hint(self) -> None:
        with Loopback(0) as waiting, pytest.raises(LoginFailed, match="Nobody came back") as caught:
            waiting.wait("s", lambda _: None, timeout=0.05, done=str, hint="Install the app.")
        assert waiting.redirect_uri in caught.value.remedy
        assert caught.value.remedy.endswith("Install the app.")

    def test_a_port_that_is_taken_is_said(self) -> None:
        with Loopback(0) as waiting, pytest.raises(ConfigurationError, match="in use"):
            Loopback(waiting.port)

    def test_what_the_vendor_refused_is_shown_in_the_browser_too(self, bench: Any) -> None:
        shown: list[tuple[int, str]] = []
        with Loopback(0) as waiting:
            started = bench.begin(redirect_uri=waiting.redirect_uri)
            back = press(started.address, decision="deny").replace("localhost", "127.0.0.1")
            thread = threading.Thread(target=lambda: shown.append(_got(back, "localhost:1")))
            thread.start()
            with pytest.raises(NotAllowed):
                waiting.wait(started.state, bench.app.finish_login, timeout=20, done=str)
            thread.join()
        assert shown[0][0] == 400
        assert "declined" in shown[0][1]


def _got(address: str, host: str) -> tuple[int, str]:
    request = urllib.request.Request(address, headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_connection_that_logs_in_is_exported_and_applied_without_a_token(bench: Any) -> None:
    bench.connect()
    text = documents.exported(bench.app, "default")
    assert "token" not in text
    document = documents.parsed(text, "export")
    assert documents.compared(bench.app, document, "export", prune=True).changes == ()
    bench.app.remove_connection("crm")
    [change] = documents.compared(bench.app, document, "export").changes
    assert "crmwire connect toy --name crm" in change.details[0]
    change.carry_out()
    assert bench.state() == "disconnected"
    bench.connect()
    assert bench.state() == "ok"
