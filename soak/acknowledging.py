"""`kill -9` right after each acknowledgement: `python -m soak acknowledgements --number 1000`.

The daemon is killed by the sender in the moment in which the status line of the answer is there,
and started again for the next webhook. Meanwhile it drains into Salesforce's sandbox as it always
does. With `--power-cut`, each kill also takes back what was written and not synced. At the end all
that was acknowledged must stand in the store once, and in the CRM as the checker wants it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from attrs import define, field, frozen

from crmwire import drills
from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.home import DATABASE
from crmwire.signatures import sign
from soak.checker import check
from soak.finding import Finding
from soak.power import Power
from soak.script import Posting, drawn
from soak.world import LINKS, SECRET, World, surroundings_of_children

LINK = next(link for link in LINKS if link.name == "salesforce-two")
PATIENCE = 120.0
"""Seconds a daemon may take to start, or the last one to carry everything out."""


@frozen(kw_only=True)
class Result:
    """What came of it. `taken_back`: writes that a power cut undid; `refused`: other answers."""

    acknowledged: int
    kills: int
    taken_back: int
    refused: int
    findings: tuple[Finding, ...]
    unsettled: tuple[str, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.findings and not self.unsettled


@define(kw_only=True)
class Starter:
    """Starts daemons and kills them."""

    port: int
    environment: dict[str, str]
    log: IO[bytes]
    power: Power | None = None
    bug: str = ""
    taken_back: int = 0
    _server: subprocess.Popen[str] | None = None
    _child: int = field(default=0, init=False)

    def start(self) -> None:
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "soak.forking", str(self.port), self.bug],
                env={
                    **surroundings_of_children(),
                    **self.environment,
                    **(self.power.environment() if self.power else {}),
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.log,
                text=True,
            )
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write("start\n")
        self._server.stdin.flush()
        self._child = int(self._server.stdout.readline())

    def kill(self) -> None:
        """End it at once, and with it the power."""
        os.kill(self._child, signal.SIGKILL)
        assert self._server is not None
        assert self._server.stdout is not None
        self._server.stdout.readline()  # it is gone
        if self.power is not None:
            self.taken_back += self.power.cut()

    def close(self) -> None:
        """Let the last daemon finish what it does."""
        if self._child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child, signal.SIGTERM)
        if self._server is not None:
            with self._server as server:  # at the end of its input it ends
                assert server.stdin is not None
                server.stdin.close()


def acknowledged(
    folder: Path, *, number: int, seed: int = 1, power_cut: bool = False, bug: str = ""
) -> Result:
    """Send so many webhooks, with a kill right after each answer; leaves its files behind.

    `bug` is the name of one of `soak.bugs`, to be put into the daemon.
    """
    began = time.monotonic()
    folder.mkdir(parents=True)
    with surroundings(folder) as environment, (folder / "daemon.log").open("ab") as log:
        (folder / "clock").write_text("0")
        environment[drills.CLOCK_FILE] = str(folder / "clock")
        power = Power(folder / "home" / DATABASE, folder) if power_cut else None
        with contextlib.ExitStack() as stack:
            with App(folder / "home") as app:
                world = World(folder=folder, environment=environment, app=app, links=(LINK,))
                stack.callback(world.close)
                world.set_up(seed)
            starter = Starter(
                port=world.port, environment=environment, log=log, power=power, bug=bug
            )
            stack.callback(starter.close)
            postings = drawn(seed, number, (LINK.feed,), datetime.now(UTC))[:number]
            url = f"{world.url}{world.paths[LINK.feed]}"
            told = _send(postings, url, world.schemes[LINK.feed], starter, folder)
            # Nobody else had the database open so far; what follows is not cut any more.
            with App(folder / "home") as app:
                world.app = app
                starter.start()
                left = _settled(world)
                world.keep_records()
                stored = _stored(app)
    fresh = sum(status == 202 for status in told)
    missing = [Finding("lost", "the store", f"{fresh} events acknowledged, {stored} stored")]
    return Result(
        acknowledged=fresh,
        kills=sum(status in (200, 202) for status in told),
        taken_back=starter.taken_back,
        refused=sum(status not in (200, 202) for status in told),
        findings=(*(missing if stored != fresh else ()), *check(folder)),
        unsettled=(f"{left} deliveries are open",) if left else (),
        seconds=round(time.monotonic() - began, 1),
    )


def _stored(app: App) -> int:
    with app.store.read() as db:
        said = db.execute("PRAGMA integrity_check").fetchone()[0]
        if said != "ok":
            raise RuntimeError(f"the store is damaged: {said}")
        return int(db.execute("SELECT count(*) FROM events").fetchone()[0])


def _send(
    postings: Sequence[Posting], url: str, scheme: Any, starter: Starter, folder: Path
) -> list[int]:
    told = []
    with (folder / "webhooks.jsonl").open("w") as log:
        for one in postings:
            starter.start()
            status = 0
            while status not in (200, 202):
                status = _post(url, one.body, sign(scheme, SECRET, one.body), starter)
                told.append(status)
                log.write(json.dumps({**one.facts(), "status": status, "told": ""}) + "\n")
                log.flush()
    return told


def _post(url: str, body: bytes, headers: Any, starter: Starter) -> int:
    """Send, and kill the daemon once the status line is there; the status, 0 if none came."""
    parts = urlsplit(url)
    more = {"Content-Length": str(len(body)), "Content-Type": "application/json", **headers}
    head = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}"]
    head += [f"{name}: {value}" for name, value in more.items()]
    with _connected(str(parts.hostname), int(parts.port or 0)) as line:
        line.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        answer = b""
        while answer.count(b" ") < 2:
            part = line.recv(64)
            if not part:
                break
            answer += part
        status = int(answer.split(b" ")[1]) if answer.count(b" ") >= 2 else 0
        if status in (200, 202):
            starter.kill()
    return status


def _connected(host: str, port: int) -> socket.socket:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            line = socket.create_connection((host, port), timeout=PATIENCE)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return line


def _settled(world: World) -> int:
    deadline = time.monotonic() + PATIENCE
    while (left := world.open_deliveries()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def report(*, number: int, seed: int = 1, power_cut: bool = False) -> bool:
    """Run it and print what came of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "acknowledged"
        made = acknowledged(folder, number=number, seed=seed, power_cut=power_cut)
    for finding in made.findings:
        print(f"  {finding.kind}: {finding.account}: {finding.what}")
    cut = f" and a power cut ({made.taken_back} writes taken back)" if power_cut else ""
    print(
        f"{made.kills} acknowledgements, each followed by kill -9{cut}: {made.acknowledged} new"
        f" events, {made.refused} other answers; {len(made.findings)} findings,"
        f" unsettled: {', '.join(made.unsettled) or 'none'}; {made.seconds} s"
    )
    return made.ok
