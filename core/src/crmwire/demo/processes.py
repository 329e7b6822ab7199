"""Sandboxes and the daemon as processes of their own, on ports that are free."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from crmwire.errors import CrmwireError

PATIENCE = 20.0
"""Seconds a process may take to answer."""


class DidNotStart(CrmwireError):
    """A process did not start."""


PORTS = range(20_000, 32_000)
"""Below those that systems give out of their own accord: whoever asks next may get one of them."""


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now; a random one, since others look too."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@frozen(kw_only=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: Any


def call(
    url: str, body: object = None, *, raw: bytes | None = None, headers: Mapping[str, str] = {}
) -> Answer:
    """GET, or POST a body; JSON both ways. Raises: OSError if nobody answers."""
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310  (the address is our own process's)
        url, data=data, headers={"Content-Type": "application/json", **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            return Answer(status=answer.status, body=json.loads(answer.read() or b"null"))
    except urllib.error.HTTPError as error:
        return Answer(status=error.code, body=json.loads(error.read() or b"null"))


@frozen(kw_only=True, eq=False)
class Process:
    """A running command and the address it serves."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end, and see that it does."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()


def start(
    name: str, arguments: Sequence[str], *, port: int, probe: str, environment: Mapping[str, str],
    folder: Path,
) -> Process:  # fmt: skip
    """Start `crmwire ARGUMENTS` and wait until it answers at `probe`. Raises: DidNotStart."""
    log = folder / f"{name}.log"
    with log.open("ab") as file:
        process = subprocess.Popen(  # noqa: S603  (our own command)
            [sys.executable, "-m", "crmwire", *arguments],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    made = Process(name=name, url=f"http://127.0.0.1:{port}", process=process, log=log)
    try:
        if _answers(made, probe):
            return made
    except BaseException:  # interrupted while waiting: leave nothing running
        made.stop()
        raise
    made.stop()
    said = log.read_text(errors="replace").strip().splitlines()
    raise DidNotStart(f"{name} did not start: {said[-1] if said else 'it said nothing'}")


def _answers(made: Process, probe: str) -> bool:
    """Wait until a process answers; False if it ends or is silent for too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and made.process.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            call(made.url + probe)
            return True
        time.sleep(0.05)
    return False


def sandbox(
    crm: str, folder: Path, *, token: str, options: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Process:  # fmt: skip
    """Start a vendor's sandbox."""
    port = free_port()
    extra = [
        part for key, value in (options or {}).items() for part in ("--option", f"{key}={value}")
    ]
    return start(
        f"sandbox-{crm}",
        ["sandbox", crm, "--port", str(port), "--token", token, *extra],
        port=port,
        probe="/__sandbox__/requests?since=1000000000",
        environment=environment or {},
        folder=folder,
    )


def daemon(folder: Path, environment: Mapping[str, str], port: int | None = None) -> Process:
    """Start the daemon on the data folder that the environment names."""
    port = port or free_port()
    return start(
        "daemon",
        ["serve", "--port", str(port)],
        port=port,
        probe="/healthz",
        environment=environment,
        folder=folder,
    )


@contextlib.contextmanager
def all_stopped(processes: list[Process]) -> Iterator[None]:
    """Stop every process of the list at the end, whatever happens."""
    try:
        yield
    finally:
        for process in reversed(processes):
            process.stop()
