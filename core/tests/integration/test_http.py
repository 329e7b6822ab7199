"""`conn.http` against a real server: repeats, deadlines, pacing, redaction, hosts."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from starlette.requests import Request as WebRequest
from starlette.responses import JSONResponse, RedirectResponse
from starlette.responses import Response as WebResponse
from starlette.routing import BaseRoute, Route

from crmwire.clock import SystemClock
from crmwire.errors import (
    ConfigurationError,
    Failure,
    NeedsLogin,
    NotAllowed,
    Rejected,
    RetryLater,
)
from crmwire.hosts import checked_base_url
from crmwire.http import (
    Http,
    Request,
    Response,
    recording,
    redacted_path,
    retry_after,
    without_secrets,
)
from crmwire.pacing import Pacer
from crmwire.sandbox import Fault, Sandbox, SandboxServer, SandboxSettings
from crmwire.types import Limit, LimitState


class Echo(Sandbox):
    title = "Echo"

    def routes(self) -> list[BaseRoute]:
        async def echo(request: WebRequest) -> WebResponse:
            self.commit(next(iter(self.accounts.values())), "hit", request.method, "1", {})
            headers = {"x-request-id": "r1", "set-cookie": "a=b"}
            return JSONResponse(
                {"method": request.method, "cookie": request.headers.get("cookie")},
                headers=headers,
            )

        async def away(request: WebRequest) -> WebResponse:
            return RedirectResponse("https://evil.example.com/")

        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return [Route("/away", away), Route("/{rest:path}", echo, methods=methods)]


Make = Callable[..., Http]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxServer]:
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    with SandboxServer(Echo(SandboxSettings())) as running:
        yield running


@pytest.fixture
def make(server: SandboxServer) -> Make:
    def make(**more: Any) -> Http:
        clock = SystemClock()
        values: dict[str, Any] = {
            "base_url": server.url,
            "headers": lambda: {"Authorization": "Bearer sandbox"},
            "pacer": Pacer(clock, more.pop("limits", ())),
            "clock": clock,
            "classify": lambda status, headers, body: None,
            "read_limits": lambda status, headers: (),
            "read_timeout": 0.5,
        }
        return Http(**{**values, **more})

    return make


def hits(server: SandboxServer) -> int:
    assert isinstance(server.app, Echo)
    return len(server.app.commits)


def arm(server: SandboxServer, *faults: Fault) -> None:
    assert isinstance(server.app, Echo)
    server.app.faults.arm(list(faults))


def failure(http: Http, method: str = "GET", **more: Any) -> Failure:
    with pytest.raises(Failure) as caught:
        http.send(Request(method=method, path="/x", **more))  # type: ignore[arg-type]
    return caught.value


def test_reads_and_safe_posts_are_repeated_after_a_lost_answer(
    make: Make, server: SandboxServer
) -> None:
    for method, safe in (("GET", False), ("PUT", False), ("POST", True)):
        before = hits(server)
        arm(server, Fault(kind="lost_answer", times=1))
        answer = make().send(Request(method=method, path="/x", safe=safe))  # type: ignore[arg-type]
        assert answer.status == 200
        assert hits(server) - before == 2


def test_a_post_is_not_repeated_and_its_outcome_is_unknown(
    make: Make, server: SandboxServer
) -> None:
    arm(server, Fault(kind="lost_answer"))
    failed = failure(make(), "POST")
    assert (failed.sent, hits(server)) == ("unknown", 1)


@pytest.mark.parametrize(
    ("fault", "sent"),
    [
        (Fault(kind="latency", seconds=1.0), "unknown"),
        (Fault(kind="cut_before"), "unknown"),
        (Fault(kind="cut_short"), "unknown"),
        (Fault(kind="status", status=500), "unknown"),
        (Fault(kind="status", status=503), "unknown"),
        (Fault(kind="status", status=400), "no"),
        (Fault(kind="status", status=429, headers={"Retry-After": "60"}), "no"),
    ],
)
def test_what_is_known_of_a_post_that_failed(
    make: Make, server: SandboxServer, fault: Fault, sent: str
) -> None:
    arm(server, fault)
    assert failure(make(), "POST").sent == sent


def test_a_server_that_is_not_there_was_sent_nothing(make: Make) -> None:
    failed = failure(make(base_url="http://127.0.0.1:1"), "POST")
    assert isinstance(failed, RetryLater)
    assert (failed.sent, failed.pause) == ("no", True)


def test_a_short_retry_after_is_waited_for_in_place(make: Make, server: SandboxServer) -> None:
    arm(server, Fault(kind="status", status=429, headers={"Retry-After": "0.3"}, times=1))
    started = time.monotonic()
    assert make().post("/x").status == 200
    assert time.monotonic() - started >= 0.3


def test_a_long_retry_after_pauses_the_lane(make: Make, server: SandboxServer) -> None:
    arm(server, Fault(kind="status", status=429, headers={"Retry-After": "60"}))
    failed = failure(make())
    assert isinstance(failed, RetryLater)
    assert (failed.after, failed.pause) == (60.0, True)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, NeedsLogin), (403, NotAllowed), (404, Rejected), (422, Rejected), (500, RetryLater)],
)
def test_statuses_mean_what_happens_next(
    make: Make, server: SandboxServer, status: int, kind: type[Failure]
) -> None:
    arm(server, Fault(kind="status", status=status))
    assert type(failure(make(), "POST")) is kind


def test_a_failure_notes_which_request_was_refused(make: Make, server: SandboxServer) -> None:
    """Without its query, and without an address: they may name a person."""
    arm(server, Fault(kind="status", status=404))
    with pytest.raises(Failure) as caught:
        make().get("/people/ada@example.com/notes", params={"q": "Ada"})
    assert caught.value.__notes__ == ["GET /people/…/notes answered 404"]


def test_a_status_that_is_accepted_comes_back_as_an_answer(
    make: Make, server: SandboxServer
) -> None:
    arm(server, Fault(kind="status", status=404))
    assert make().get("/x", accept=frozenset({404})).status == 404


@pytest.mark.parametrize(
    "body", [b'{"faults": [{"kind": "explode"}]}', b'{"faults": [{"kind": 7}]}', b"{}", b"no JSON"]
)
def test_a_fault_that_a_sandbox_does_not_know_is_refused_with_those_it_knows(
    server: SandboxServer, body: bytes
) -> None:
    request = urllib.request.Request(f"{server.url}/__sandbox__/faults", body)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as answer:
        assert answer.status == 400
        assert "lost_answer" in json.loads(answer.read())["kinds"]


def test_a_refusal_that_echoes_the_token_is_told_without_it(make: Make) -> None:
    headers = {"Authorization": "Bearer canary-token-1"}
    content = b'{"message": "canary-token-1 of Bearer canary-token-1 is bad"}'
    assert b"canary" not in without_secrets(content, headers)


def test_a_sandbox_may_not_take_a_name_that_all_sandboxes_use() -> None:
    with pytest.raises(TypeError, match=r"Mine\._answer: that name is in use"):
        type("Mine", (Sandbox,), {"_answer": lambda self: None})


def test_redirects_are_not_followed_and_cookies_not_kept(make: Make) -> None:
    http = make()
    with pytest.raises(Failure):
        http.get("/away")
    http.get("/x")
    assert http.get("/x").json()["cookie"] is None


def test_another_host_is_never_asked(make: Make) -> None:
    with pytest.raises(NotAllowed, match="another host"):
        make().get("https://evil.example.com/next")


def test_many_requests_go_at_once_and_answer_in_order(make: Make, server: SandboxServer) -> None:
    assert isinstance(server.app, Echo)
    server.app.latency = 0.1
    requests = [Request(method="GET", path=f"/{number}") for number in range(16)]
    started = time.monotonic()
    answers = make().map(requests)
    assert time.monotonic() - started < 1.0
    assert [isinstance(answer, Response) for answer in answers] == [True] * 16


def test_no_window_of_a_limit_is_overrun(make: Make, server: SandboxServer) -> None:
    http = make(limits=[Limit(name="calls", calls=10, seconds=0.5)])
    http.map([Request(method="GET", path="/x") for _ in range(25)])
    assert isinstance(server.app, Echo)
    times = [entry["time"] for entry in server.app.requests]
    for start in times:
        # The server stamps arrivals a little later than they were let through.
        assert sum(start <= other < start + 0.45 for other in times) <= 10


def test_what_an_answer_says_of_a_limit_closes_it() -> None:
    pacer = Pacer(SystemClock())
    pacer.learn([LimitState(name="calls", remaining=0, resets_in=30.0)])
    with pytest.raises(RetryLater) as caught:
        pacer.take("calls")
    assert caught.value.pause
    pacer.take("other")


def test_exchanges_are_recorded_without_what_names_a_person(make: Make) -> None:
    http = make()
    with recording() as exchanges:
        http.get("/contacts/ada%40example.com", params={"q": "ada@example.com"})
        http.map([Request(method="GET", path="/a"), Request(method="GET", path="/b")])
    assert exchanges[0].path == "/contacts/…"
    assert {one.path for one in exchanges} == {"/contacts/…", "/a", "/b"}
    assert exchanges[0].request_id == "r1"
    assert redacted_path("/x?email=ada@example.com") == "/x"


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("https://api.example.com/contacts/ada@example.com?x=1", "/contacts/…"),
        ("//[nowhere/x#y", "/x"),
        ("services/data", "services/data"),
        ("https://[", ""),
    ],
)
def test_any_path_out_of_an_answer_can_be_recorded(path: str, kept: str) -> None:
    assert redacted_path(path) == kept


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        (
            {
                "retry-after": "Tue, 23 May 2023 14:42:05 GMT",
                "date": "Tue, 23 May 2023 14:42:01 GMT",
            },
            4.0,
        ),
        ({"retry-after": "Tue, 23 May 2023 14:42:05 GMT"}, None),
        ({"retry-after": "soon"}, None),
        (
            {
                "retry-after": "Fri, 01 Jan 2027 00:00:00 +99999999999999999999",
                "date": "Tue, 23 May 2023 14:42:01 GMT",
            },
            None,
        ),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(
    headers: Mapping[str, str], seconds: float | None
) -> None:
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "https://example.com.evil.org",
        "https://evilexample.com",
        "https://example.com@evil.org",
        "https://127.0.0.1",
        "https://[::1]:443",
        "https://example.com:x",
        "ftp://example.com",
        "https://exаmple.com",
        "",
    ],
)
def test_a_token_goes_to_the_vendors_hosts_only(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRMWIRE_ALLOW_LOOPBACK", raising=False)
    with pytest.raises(ConfigurationError):
        checked_base_url(url, ("example.com",))


def test_the_vendors_hosts_and_the_switch_for_this_machine_are_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert checked_base_url("https://eu.example.com/", ("example.com",)) == "https://eu.example.com"
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    assert checked_base_url("http://127.0.0.1:8", ("example.com",)) == "http://127.0.0.1:8"
