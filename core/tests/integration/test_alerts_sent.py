"""Messages arrive: by a real SMTP server, by a real HTTP receiver, through a kill."""

from __future__ import annotations

import gc
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from attrs import define, field

from crmwire.alerting import addresses, sending
from crmwire.alerting.addresses import STANDARD_WEBHOOKS
from crmwire.alerting.kinds import Pace
from crmwire.alerting.watcher import Watcher
from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.demo.processes import free_port
from crmwire.errors import ConfigurationError
from crmwire.signatures import verify
from crmwire.store import alerts, setup
from crmwire.types import Feed, WebhookRequest

PACE = Pace(look=0.1, gather=0.2, tries=(0.2, 0.2, 0.2, 0.2), sending=10.0)
PASSWORD = "s3cret-password"


@define
class Mailbox:
    """An SMTP server that asks for a password and keeps what it gets."""

    port: int
    mails: list[Message] = field(factory=list)
    refuse: int = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refuse:
            self.refuse -= 1
            return "451 come back later"
        self.mails.append(message_from_bytes(envelope.content))
        return "250 OK"

    @property
    def address(self) -> str:
        return (
            f"mailto://ops:{PASSWORD}@127.0.0.1:{self.port}"
            "?from=crmwire@example.com&to=ops@example.com&mode=insecure"
        )

    def text(self, number: int) -> str:
        """The plain text of a mail."""
        for part in self.mails[number].walk():
            if part.get_content_type() == "text/plain":
                content = part.get_payload(decode=True)
                assert isinstance(content, bytes)
                return content.decode()
        raise AssertionError("no plain text")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    def authenticated(
        server: Any, session: Any, envelope: Any, mechanism: str, given: Any
    ) -> AuthResult:
        return AuthResult(success=given.password == PASSWORD.encode())

    made = Mailbox(free_port())
    server = Controller(
        made,
        hostname="127.0.0.1",
        port=made.port,
        authenticator=authenticated,
        auth_require_tls=False,
    )
    server.start()
    try:
        yield made
    finally:
        server.stop()


def _open() -> threading.Event:
    made = threading.Event()
    made.set()
    return made


@define
class Receiver:
    """A receiver of webhooks; `answers` are the statuses of its next answers."""

    url: str
    got: list[tuple[dict[str, str], bytes]] = field(factory=list)
    answers: list[int] = field(factory=list)
    hold: threading.Event = field(factory=_open)
    """Until it is set, nothing is answered."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver("")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append(({name.lower(): one for name, one in self.headers.items()}, body))
            made.hold.wait(10)
            self.send_response(made.answers.pop(0) if made.answers else 204)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}/hooks/very-secret-path"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture
def app(tmp_path: Path, toy_installed: None) -> Iterator[App]:
    with surroundings(tmp_path), App(tmp_path / "home", threaded=True) as made:
        yield made


def lose_login(app: App, name: str = "sales") -> None:
    if name not in [row.name for row in app.store.connections()]:
        app.add_connection(name, crm="toy", token="t", settings={"host": "http://127.0.0.1:9"})
    row = app.store.connection(name)
    app.store.write(
        lambda db: setup.set_connection_state(db, row.id, "needs_login", problem="Revoked.")
    )


def log_in(app: App, name: str = "sales") -> None:
    row = app.store.connection(name)
    app.store.write(lambda db: setup.set_connection_state(db, row.id, "ok"))


def watch(app: App, until: Any, timeout: float = 20.0) -> None:
    """Look again and again until something holds."""
    watcher = Watcher(app.store, app.vault, app.clock, PACE)
    end = time.monotonic() + timeout
    while not until():
        assert time.monotonic() < end, notices(app)
        watcher.step()
        time.sleep(0.05)
    watcher.stop(30.0)


def notices(app: App) -> list[alerts.NoticeRow]:
    with app.store.read() as db:
        return alerts.notices(db)[::-1]


def done(app: App, number: int = 1) -> bool:
    return sum(one.done_at is not None for one in notices(app)) >= number


def test_a_mail_says_what_is_wrong_and_what_to_do(app: App, mailbox: Mailbox) -> None:
    assert app.add_alert("ops", address=mailbox.address).service == "E-Mail"
    lose_login(app)
    watch(app, lambda: done(app))
    (mail,) = mailbox.mails
    assert mail["Subject"] == "crmwire: sales: the login was lost"
    assert mail["To"] == "ops@example.com"
    assert "Revoked." in mailbox.text(0)
    assert "crmwire connection add toy --name sales" in mailbox.text(0)
    assert [one.outcome for one in notices(app)] == ["sent"]


def test_a_mail_that_is_refused_is_sent_again(app: App, mailbox: Mailbox) -> None:
    app.add_alert("ops", address=mailbox.address)
    mailbox.refuse = 2
    lose_login(app)
    watch(app, lambda: app.alerts()[0].problem is not None)
    assert PASSWORD not in str(app.alerts())
    watch(app, lambda: done(app))
    assert len(mailbox.mails) == 1
    assert [(one.outcome, one.tries) for one in notices(app)] == [("sent", 3)]
    assert app.alerts()[0].problem is None


def test_a_webhook_is_signed_as_standard_webhooks_says(app: App, receiver: Receiver) -> None:
    app.add_alert("hook", address=receiver.url, kind="webhook")
    secret = app.alert_secret("hook")
    assert secret is not None
    lose_login(app)
    watch(app, lambda: done(app))
    ((headers, body),) = receiver.got
    request = WebhookRequest(body=body, headers=headers, received_at=datetime.now(UTC))
    verify(STANDARD_WEBHOOKS, Feed(name="x", source="x", secrets=(secret,)), request)
    told = json.loads(body)
    assert told["type"] == "alert.opened"
    (trouble,) = told["data"]["troubles"]
    assert trouble["kind"] == "needs_login"
    assert trouble["name"] == "sales"
    assert trouble["waiting"] == 0
    assert trouble["command"] == "crmwire connection add toy --name sales"


def test_a_webhook_is_tried_again_under_the_same_id_and_in_order(
    app: App, receiver: Receiver
) -> None:
    app.add_alert("hook", address=receiver.url, kind="webhook")
    receiver.answers = [500, 302, 429]
    lose_login(app)
    watch(app, lambda: len(receiver.got) == 1)
    log_in(app)
    watch(app, lambda: done(app))
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len(receiver.got) == 4
    assert [json.loads(body)["type"] for _, body in receiver.got] == ["alert.opened"] * 4


def test_a_message_that_never_arrives_is_given_up_and_others_are_told(
    app: App, receiver: Receiver
) -> None:
    app.add_alert("dead", address="http://127.0.0.1:9/x", kind="webhook")
    app.add_alert("hook", address=receiver.url, kind="webhook")
    lose_login(app)
    watch(app, lambda: len([one for one in notices(app) if one.tries]) == 2)
    watch(app, lambda: {row.name: row.problem for row in app.alerts()}["dead"] is not None)
    with app.store.read() as db:
        dead = alerts.target(db, "dead")
    assert dead.problem == "The receiver cannot be reached (ConnectError)."
    app.store.write(
        lambda db: db.execute("UPDATE alert_targets SET failing_since = failing_since - 7200")
    )
    app.store.write(lambda db: db.execute("UPDATE notices SET created_at = created_at - 300000"))
    watch(app, lambda: any(one.outcome == "failed" for one in notices(app)))
    (wrong,) = [one.trouble.seen for one in app.wrong_now() if one.trouble.seen.thing == "alert"]
    assert wrong.name == "dead"


def test_a_test_message_says_whether_it_arrives(app: App, mailbox: Mailbox) -> None:
    app.add_alert("ops", address=mailbox.address)
    assert app.test_alert("ops") is None
    assert "Nothing is wrong" in mailbox.text(0)
    app.change_alert("ops", address=mailbox.address.replace(PASSWORD, "wrong-password"))
    problem = app.test_alert("ops")
    assert problem
    assert "wrong-password" not in problem
    assert app.alerts()[0].problem == problem


def test_a_message_that_is_still_sent_when_the_daemon_stops_is_let_go_without_a_trace(
    app: App, receiver: Receiver
) -> None:
    app.add_alert("hook", address=receiver.url, kind="webhook")
    receiver.hold.clear()
    lose_login(app)
    watcher = Watcher(app.store, app.vault, app.clock, PACE)
    end = time.monotonic() + 20.0
    while not receiver.got:
        assert time.monotonic() < end
        watcher.step()
        time.sleep(0.05)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        watcher.stop(0.0)
        del watcher
        gc.collect()
    receiver.hold.set()
    assert [str(one.message) for one in said] == []
    while not done(app):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_child_that_has_gone_takes_no_job_and_leaves_no_pipe_open() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    pipe = os.fdopen(writing, "w")
    sending._write(pipe, "x" * 1_000_000)
    assert pipe.closed


def test_an_address_that_is_looked_at_for_too_long_is_refused_without_being_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(addresses, "_LONGEST_LOOK", 0.01)
    with pytest.raises(ConfigurationError, match="did not say within 0 s") as refused:
        addresses.service_of("apprise", f"mailto://ops:{PASSWORD}@example.com")
    assert refused.value.__suppress_context__
    assert PASSWORD not in str(refused.value)


def test_a_killed_daemon_neither_repeats_nor_loses_an_alert(
    app: App, receiver: Receiver, tmp_path: Path
) -> None:
    """Watchers are killed at every moment, until both messages have arrived once."""
    app.add_alert("hook", address=receiver.url, kind="webhook")
    lose_login(app)
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from crmwire.alerting.kinds import Pace\n"
        "from crmwire.alerting.watcher import Watcher\n"
        "from crmwire.app import App\n"
        "pace = Pace(look=0.02, gather=0.05, tries=(0.2,), sending=20.0)\n"
        "with App(Path(sys.argv[1]), threaded=True) as app:\n"
        "    watcher = Watcher(app.store, app.vault, app.clock, pace)\n"
        "    print('ready', flush=True)\n"
        "    while True:\n"
        "        watcher.step(); time.sleep(0.02)\n"
    )
    end = time.monotonic() + 60
    runs = 0
    while not done(app, 2):
        assert time.monotonic() < end
        with subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "home")],
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.05 + 0.1 * (runs % 7))
            process.send_signal(signal.SIGKILL)
        runs += 1
        if done(app, 1) and app.store.connection("sales").state != "ok":
            log_in(app)
            app.store.write(
                lambda db: db.execute("UPDATE troubles SET well_since = well_since - 60")
            )
        app.store.write(lambda db: db.execute("UPDATE troubles SET well_since = well_since - 60"))
    assert [json.loads(body)["type"] for _, body in receiver.got] == [
        "alert.opened",
        "alert.closed",
    ]
    assert runs > 1


def test_a_target_that_answers_slowly_holds_up_no_other(app: App, receiver: Receiver) -> None:
    with closing(__import__("socket").create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/never"
        app.add_alert("slow", address=url, kind="webhook")
        app.add_alert("hook", address=receiver.url, kind="webhook")
        lose_login(app)
        started = time.monotonic()
        watch(app, lambda: done(app))
        assert len(receiver.got) == 1
        assert time.monotonic() - started < 15


@pytest.mark.parametrize(
    "address",
    ["nonsense", "nonsense://x", "mailto://@", "http://example.com/x", "https:///x", "ftp://x/y"],
)
def test_an_address_that_leads_nowhere_is_refused_and_not_repeated(app: App, address: str) -> None:
    for kind in ("apprise", "webhook"):
        with pytest.raises(ConfigurationError) as caught:
            app.add_alert("x", address=address, kind=kind)  # type: ignore[arg-type]
        assert address not in str(caught.value)


def test_the_address_is_only_in_the_vault(
    app: App, receiver: Receiver, mailbox: Mailbox, tmp_path: Path
) -> None:
    app.add_alert("hook", address=receiver.url, kind="webhook")
    app.add_alert("ops", address=mailbox.address)
    secret = app.alert_secret("hook") or "?"
    lose_login(app)
    seen: set[str] = set()

    def look() -> bool:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and "crmwire.alerting.child" in (line := _read(entry)):
                seen.add(line)
        return done(app, 2)

    watch(app, look)
    app.close()
    content = b"".join(one.read_bytes() for one in (tmp_path / "home").rglob("*") if one.is_file())
    for word in ("very-secret-path", PASSWORD, secret):
        assert word.encode() not in content
        assert not any(word in line for line in seen)
    assert seen


def _read(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_text() + (entry / "environ").read_text()
    except OSError:
        return ""
