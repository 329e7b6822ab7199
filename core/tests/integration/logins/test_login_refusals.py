"""What must not log anybody in: each of these is refused, and the login stays as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from crmwire.errors import CrmwireError, LoginFailed, NeedsLogin
from crmwire.login_pages import COOKIE
from crmwire.receiver import receiver
from crmwire.sandbox import SandboxServer
from crmwire.sandbox.loginpage import NoForm, press

Change = Callable[[dict[str, str]], dict[str, str]]


def _without(name: str) -> Change:
    return lambda told: {key: value for key, value in told.items() if key != name}


def _with(**more: str) -> Change:
    return lambda told: {**told, **more}


CHANGES: dict[str, tuple[Change, str]] = {
    "no state": (_without("state"), "does not say which login"),
    "an empty state": (_with(state=""), "does not say which login"),
    "a wrong state": (_with(state="A" * 43), "not begun here"),
    "no code": (_without("code"), "without a code"),
    "an empty code": (_with(code=""), "without a code"),
    "a wrong code": (_with(code="code-of-nobody"), "invalid_grant"),
    "another issuer": (_with(iss="https://evil.example.net"), "another server"),
    "an issuer that only looks like ours": (
        _with(iss="https://toycrm.example.com.evil.example.net"),
        "another server",
    ),
    "an empty issuer": (_with(iss=""), "another server"),
    "an error": (_with(error="access_denied"), "declined"),
    "an error that nobody knows": (_with(error="<script>"), "does not accept"),
    "an error of the server": (_with(error="server_error"), "not available"),
    "too much": (_with(more="x" * 9000), "too long"),
}


@pytest.mark.parametrize("case", CHANGES, ids=list(CHANGES))
def test_a_redirect_with_something_wrong_is_refused(bench: Any, case: str) -> None:
    change, problem = CHANGES[case]
    told = {key: one[0] for key, one in parse_qs(bench.back(bench.begin())).items()}
    with pytest.raises(CrmwireError, match=problem):
        bench.app.finish_login(urlencode(change(told)))
    assert bench.state() == "disconnected"
    assert bench.secrets() == {}


@pytest.mark.parametrize("name", ["state", "code", "iss"])
def test_a_parameter_that_stands_there_twice_is_refused(bench: Any, name: str) -> None:
    query = f"{bench.back(bench.begin())}&iss={bench.url}&{name}=x"
    with pytest.raises(LoginFailed, match=f"two of {name}"):
        bench.app.finish_login(query)
    assert bench.state() == "disconnected"


def test_far_too_many_parameters_are_refused(bench: Any) -> None:
    query = bench.back(bench.begin()) + "&a=1" * 100
    with pytest.raises(LoginFailed, match="cannot be read"):
        bench.app.finish_login(query)


def test_a_redirect_that_comes_again_is_refused_and_the_login_stays(bench: Any) -> None:
    query = bench.back(bench.begin())
    bench.app.finish_login(query)
    kept = bench.secrets()
    with pytest.raises(LoginFailed, match="not begun here, or is over"):
        bench.app.finish_login(query)
    assert bench.secrets() == kept
    assert bench.open().http.get("me").status == 200  # the code was not sent a second time


def test_a_state_is_used_up_by_a_login_that_failed(bench: Any) -> None:
    query = bench.back(bench.begin())
    with pytest.raises(NeedsLogin):
        bench.app.finish_login(query.replace("code=", "code=x"))
    with pytest.raises(LoginFailed, match="over"):
        bench.app.finish_login(query)


def test_a_code_that_was_used_is_refused_by_the_vendor(bench: Any) -> None:
    first = parse_qs(bench.back(bench.begin()))
    second = bench.begin()
    query = urlencode({"code": first["code"][0], "state": first["state"][0]})
    bench.app.finish_login(query)
    with pytest.raises(CrmwireError):
        bench.app.finish_login(urlencode({"code": first["code"][0], "state": second.state}))


def test_a_code_of_another_login_does_not_fit_our_challenge(bench: Any) -> None:
    """Somebody's stolen code, brought back with our own state: PKCE ties them together."""
    stolen = parse_qs(bench.back(bench.begin("thief"), account="second-account"))["code"][0]
    ours = bench.begin("crm")
    with pytest.raises(NeedsLogin, match="wrong_verifier"):
        bench.app.finish_login(urlencode({"code": stolen, "state": ours.state}))
    assert bench.state("crm") == "disconnected"


def test_another_connection_s_state_logs_in_that_connection_only(bench: Any) -> None:
    one, two = bench.begin("one"), bench.begin("two")
    made = bench.app.finish_login(bench.back(one))
    assert made.name == "one"
    assert bench.state("two") == "disconnected"
    assert bench.app.finish_login(bench.back(two)).name == "two"


def test_a_login_that_comes_back_after_ten_minutes_is_refused(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = bench.back(bench.begin())
    now = bench.app.clock.now()
    monkeypatch.setattr(bench.app.clock, "now", lambda: now + timedelta(seconds=601))
    with pytest.raises(LoginFailed, match="too late"):
        bench.app.finish_login(query)
    assert bench.token_calls() == []


def test_an_expired_code_is_refused(bench: Any) -> None:
    bench.sandbox.logins.policy.code_life = -1.0
    with pytest.raises(NeedsLogin, match="expired_code"):
        bench.connect()


def test_a_login_begun_before_a_disconnection_is_void(bench: Any) -> None:
    bench.connect()
    query = bench.back(bench.begin())
    bench.app.disconnect("crm")
    with pytest.raises(LoginFailed, match="not begun here"):
        bench.app.finish_login(query)
    assert bench.state() == "disconnected"


def test_a_login_begun_before_another_login_is_void(bench: Any) -> None:
    bench.connect()
    query = bench.back(bench.begin())
    bench.connect()
    with pytest.raises(LoginFailed, match="meanwhile"):
        bench.app.finish_login(query)


def test_a_login_of_a_connection_that_was_removed_is_void(bench: Any) -> None:
    query = bench.back(bench.begin())
    bench.app.remove_connection("crm")
    with pytest.raises(LoginFailed):
        bench.app.finish_login(query)


def test_a_redirect_address_that_is_not_registered_is_refused(bench: Any) -> None:
    with pytest.raises(NoForm, match="wrong_redirect"):
        bench.back(bench.begin(redirect_uri="https://evil.example.net/callback"))


def test_nothing_of_a_login_begun_can_be_read_from_the_disk(bench: Any) -> None:
    started = bench.begin()
    home = bench.folder / "home"
    content = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
    assert started.state.encode() not in content


# ---------------------------------------------------------------- at the daemon


@pytest.fixture
def browser(bench: Any) -> Iterator[httpx.Client]:
    """A browser at the daemon."""
    asgi = receiver(bench.app.openings, lambda lanes: None, dict)
    with SandboxServer(asgi) as server, httpx.Client(base_url=server.url) as client:
        bench.public = server.url
        yield client


def link(bench: Any, name: str = "crm") -> str:
    bench.app.prepare_login(name, crm="toy", settings=bench.settings())
    address, redirect = bench.app.invite(
        name, address=bench.public, secrets={"client_secret": "sandbox-secret"}
    )
    assert redirect == f"{bench.public}/oauth/callback"
    return str(address)


def pressed(browser: httpx.Client, address: str) -> str:
    """Where the daemon sends a browser that pressed the button of a link."""
    ticket = parse_qs(urlsplit(address).query)["ticket"][0]
    answer = browser.post(urlsplit(address).path, data={"ticket": ticket})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_whoever_has_the_link_logs_in_at_the_daemon(bench: Any, browser: httpx.Client) -> None:
    address = link(bench)
    shown = browser.get(address)
    assert shown.status_code == 200
    assert "<button>Log in</button>" in shown.text
    back = press(pressed(browser, address), account="second-account")
    done = browser.get(back)
    assert done.status_code == 200
    assert "Example Ltd 2" in done.text
    assert bench.state() == "ok"
    assert bench.open().http.get("me").json()["account"] == "toy-2"


def test_opening_the_link_uses_nothing_up_but_pressing_does(
    bench: Any, browser: httpx.Client
) -> None:
    address = link(bench)
    for _ in range(3):
        assert browser.get(address).status_code == 200
    pressed(browser, address)
    assert browser.get(address).status_code == 400
    ticket = parse_qs(urlsplit(address).query)["ticket"][0]
    assert browser.post("/oauth/toy/start", data={"ticket": ticket}).status_code == 400


@pytest.mark.parametrize("ticket", ["", "x", "A" * 43])
def test_nobody_begins_without_a_ticket(bench: Any, browser: httpx.Client, ticket: str) -> None:
    link(bench)
    assert browser.get(f"/oauth/toy/start?ticket={ticket}").status_code == 400
    assert browser.post("/oauth/toy/start", data={"ticket": ticket}).status_code == 400
    assert browser.post("/oauth/toy/start", content=b"x" * 10_000).status_code == 400


def test_a_ticket_is_for_its_own_crm(bench: Any, browser: httpx.Client) -> None:
    address = link(bench)
    assert browser.get(address.replace("/toy/", "/hubspot/")).status_code == 400
    assert browser.get(address).status_code == 200


def test_a_link_expires(bench: Any, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    address, now = link(bench), bench.app.clock.now()
    monkeypatch.setattr(bench.app.clock, "now", lambda: now + timedelta(hours=1, seconds=1))
    assert "expired" in browser.get(address).text
    ticket = parse_qs(urlsplit(address).query)["ticket"][0]
    assert browser.post("/oauth/toy/start", data={"ticket": ticket}).status_code == 400


def test_another_browser_cannot_bring_the_login_back(bench: Any, browser: httpx.Client) -> None:
    """An address that was slipped to somebody logs nobody in to the sender's account."""
    back = press(pressed(browser, link(bench)))
    cookie = browser.cookies[COOKIE]
    browser.cookies.clear()
    assert "another browser" in browser.get(back).text
    browser.cookies.set(COOKIE, "x" * len(cookie))
    assert browser.get(back).status_code == 400
    assert bench.state() == "disconnected"
    browser.cookies.clear()
    browser.cookies.set(COOKIE, cookie)
    assert browser.get(back).status_code == 200


def test_a_login_begun_by_a_command_cannot_be_brought_back_to_the_daemon(
    bench: Any, browser: httpx.Client
) -> None:
    query = bench.back(bench.begin())
    assert browser.get(f"/oauth/callback?{query}").status_code == 400
    assert bench.app.finish_login(query).name == "crm"


def test_a_login_begun_at_the_daemon_cannot_be_finished_elsewhere(
    bench: Any, browser: httpx.Client
) -> None:
    back = press(pressed(browser, link(bench)))
    with pytest.raises(LoginFailed, match="another browser"):
        bench.app.finish_login(urlsplit(back).query)


@pytest.mark.parametrize("name", ["next", "return_to", "redirect_uri", "url", "continue"])
def test_no_parameter_sends_a_browser_anywhere(
    bench: Any, browser: httpx.Client, name: str
) -> None:
    address, more = link(bench), f"&{name}=https://evil.example.net/"
    assert "evil" not in browser.get(address + more).text
    where = pressed(browser, address + more)
    assert where.startswith(bench.url)
    assert "evil" not in where
    done = browser.get(press(where) + more)
    assert done.status_code == 200
    assert "location" not in done.headers
    assert "evil" not in done.text


def test_what_the_vendor_says_is_shown_as_text(bench: Any, browser: httpx.Client) -> None:
    started = urlsplit(pressed(browser, link(bench)))
    state = parse_qs(started.query)["state"][0]
    told = {"error": "<script>alert(1)</script>", "state": state}
    shown = browser.get(f"/oauth/callback?{urlencode(told)}")
    assert shown.status_code == 400
    assert "<script" not in shown.text
    assert shown.headers["content-security-policy"].startswith("default-src 'none'")
    assert shown.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "address",
    ["http://crm.example.com", "ftp://crm.example.com", "https://", "crm.example.com",
     "https://user@crm.example.com", "https://crm.example.com/?x=1", "https://[::1"],
)  # fmt: skip
def test_a_daemon_is_reached_by_https_alone(bench: Any, address: str) -> None:
    bench.app.prepare_login("crm", crm="toy", settings=bench.settings())
    with pytest.raises(CrmwireError, match="not an address where browsers reach"):
        bench.app.invite("crm", address=address)


def test_the_cookie_is_for_https_and_for_nobody_else(bench: Any, browser: httpx.Client) -> None:
    bench.app.prepare_login("crm", crm="toy", settings=bench.settings())
    address, _ = bench.app.invite("crm", address="https://crm.example.com")
    ticket = parse_qs(urlsplit(address).query)["ticket"][0]
    cookie = browser.post("/oauth/toy/start", data={"ticket": ticket}).headers["set-cookie"]
    for part in ("secure", "httponly", "samesite=lax"):
        assert part in cookie.lower()
