"""A full disk, a read-only one, one with errors: 503 and never 2xx, and all is well afterwards.

A real daemon over real HTTP. Errors come from `failing_disk.c`, preloaded (ENOSPC, EROFS and EIO
of writes, syncs and reads of the database's files), from RLIMIT_FSIZE, and, where this user may
mount one in a name space of its own, from a real file system that is full.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import define, field

from crmwire.app import App
from crmwire.demo.bookings import FIRST_START, SampleBooking
from crmwire.demo.environment import surroundings
from crmwire.demo.processes import (
    Answer,
    Process,
    all_stopped,
    call,
    daemon,
    free_port,
    sandbox,
)
from crmwire.store import DeliveryFilter

SETTINGS = {"read_timeout": 2.0, "settle_after": 1.0, "tries": [0.2, 0.5, 1.0]}
NEEDS_CC = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")


@define
class Scene:
    """A daemon with a HubSpot sandbox behind it, and what it acknowledged."""

    folder: Path
    environment: dict[str, str]
    app: App
    vendor: Process
    path: str
    daemon: Process
    number: int = 0
    taken: set[str] = field(factory=set)

    def send(self, number: int | None = None) -> Answer:
        """One more booking of one more person, or one once more."""
        if number is None:
            self.number += 1
        one = self.booking(number or self.number)
        answer = call(f"{self.daemon.url}{self.path}", raw=one.created(self._now()))
        if answer.status in (200, 202):
            self.taken.add(one.email)
        return answer

    def booking(self, number: int) -> SampleBooking:
        return SampleBooking(
            uid=f"bk-{number}",
            email=f"guest{number}@example.com",
            name=f"Guest Number{number}",
            start=FIRST_START + timedelta(minutes=30 * number),
        )

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=1)

    def refused(self, count: int = 5) -> None:
        """Webhooks are refused with 503, so that the source sends them again."""
        for _ in range(count):
            answer = self.send()
            assert answer.status == 503, answer
            assert answer.body["error"] in ("unavailable", "store_unavailable")

    def accepted_within(self, seconds: float) -> None:
        """What was refused is taken, by the same process."""
        deadline = time.monotonic() + seconds
        for number in range(1, self.number + 1):
            while self.send(number).status not in (200, 202):
                assert time.monotonic() < deadline
                time.sleep(0.1)
        assert self.daemon.process.poll() is None

    def all_stand(self) -> None:
        """All that was acknowledged is in the CRM, once."""
        deadline = time.monotonic() + 30
        open_ = DeliveryFilter(states=("ready", "working"))
        while self.app.deliveries(open_):
            assert time.monotonic() < deadline, self.app.deliveries(open_)[:3]
            time.sleep(0.05)
        people = call(f"{self.vendor.url}/__sandbox__/timelines").body["accounts"][0]["people"]
        assert sorted(one["email"] for one in people) == sorted(self.taken)
        assert {len(one["entries"]) for one in people} == {1}

    def killed_and_started(self) -> None:
        self.daemon.kill()
        self.daemon = daemon(self.folder, self.environment)


@contextlib.contextmanager
def opened(folder: Path, preloaded: dict[str, str]) -> Iterator[Scene]:
    processes: list[Process] = []
    with surroundings(folder) as environment, all_stopped(processes):
        vendor = sandbox("hubspot", folder, token="token", environment=environment)
        processes.append(vendor)
        with App(folder / "home") as app:
            path = app.add_feed("feed", source="calcom", allow_unsigned=True)
            settings = {"host": vendor.url, **SETTINGS}
            app.add_connection("crm", crm="hubspot", token="token", settings=settings)
            app.add_route(feed="feed", connection="crm", preset="linktime")
            assert app.check("crm").ok
            running = daemon(folder, {**environment, **preloaded})
            scene = Scene(folder, environment, app, vendor, path, running)
            try:
                yield scene
            finally:
                scene.daemon.stop()


@NEEDS_CC
def test_a_disk_that_fails_is_answered_503_and_is_forgiven(tmp_path: Path) -> None:
    source = Path(__file__).with_name("failing_disk.c")
    library = tmp_path / "failing_disk.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True
    )
    told = tmp_path / "trouble"
    told.write_text("none 0")
    with opened(tmp_path, {"LD_PRELOAD": str(library), "FAILING_DISK": str(told)}) as scene:
        for kind, number in (
            ("write", errno.ENOSPC),
            ("write", errno.EROFS),
            ("write", errno.EIO),
            ("sync", errno.EIO),
        ):
            assert scene.send().status == 202
            told.write_text(f"{kind} {number}")
            scene.refused()
            assert call(f"{scene.daemon.url}/healthz").status == 200
            told.write_text("none 0")
            scene.accepted_within(15)
        told.write_text(f"read {errno.EIO}")
        answers = [scene.send().status for _ in range(5)]
        assert set(answers) <= {202, 503}  # what is in memory need not be read
        told.write_text("none 0")
        scene.accepted_within(15)
        scene.all_stand()
        scene.killed_and_started()
        assert scene.send().status == 202
        scene.all_stand()


def test_a_file_that_may_grow_no_more_is_answered_503_and_is_forgiven(tmp_path: Path) -> None:
    with opened(tmp_path, {}) as scene:
        assert scene.send().status == 202
        limit = (0, resource.RLIM_INFINITY)
        resource.prlimit(scene.daemon.process.pid, resource.RLIMIT_FSIZE, limit)
        scene.refused()
        free = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(scene.daemon.process.pid, resource.RLIMIT_FSIZE, free)
        scene.accepted_within(15)
        scene.all_stand()


def _may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    mount = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(mount, capture_output=True).returncode == 0


MOUNTED = """
mount -t tmpfs -o size=SIZE none "$CRMWIRE_HOME" && cp -a "$KEPT/." "$CRMWIRE_HOME/" || exit 9
CHANGE
exec "$PYTHON" -m crmwire serve --port "$PORT"
"""


@contextlib.contextmanager
def mounted(scene: Scene, size: str, change: str = ":") -> Iterator[subprocess.Popen[bytes]]:
    """A daemon whose data folder is a small file system of its own, in a name space of its own."""
    port = free_port()
    environment = {
        **os.environ, **scene.environment, "PYTHON": sys.executable, "PORT": str(port),
        "KEPT": str(scene.folder / "kept"),
    }  # fmt: skip
    script = MOUNTED.replace("SIZE", size).replace("CHANGE", change)
    with (scene.folder / "mounted.log").open("ab") as log:
        running = subprocess.Popen(
            ["unshare", "-rm", "sh", "-c", script], env=environment, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    scene.daemon = Process(
        name="mounted", url=url, process=running, log=scene.folder / "mounted.log"
    )
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and running.poll() is None:
            with contextlib.suppress(OSError, ValueError):
                call(f"{url}/healthz")
                break
            time.sleep(0.05)
        yield running
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGTERM)
            running.wait(20)


@pytest.mark.skipif(not _may_mount(), reason="this user may not mount")
def test_a_file_system_without_room_is_answered_503_and_is_forgiven(tmp_path: Path) -> None:
    with opened(tmp_path, {}) as scene:
        scene.daemon.stop()
        scene.app.store.truncate_log()
        shutil.copytree(tmp_path / "home", tmp_path / "kept")
        with mounted(scene, "8m") as running:
            assert running.poll() is None, (tmp_path / "mounted.log").read_text()[-2000:]
            inside = Path(f"/proc/{running.pid}/root{tmp_path / 'home'}")
            assert scene.send().status == 202
            filled = inside / "filled"
            with filled.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                for size in (65536, 4096, 1):
                    with contextlib.suppress(OSError):
                        while True:
                            file.write(b"x" * size)
            statuses = [scene.send().status for _ in range(300)]
            assert set(statuses) <= {202, 503}
            assert statuses[-5:] == [503] * 5
            filled.unlink()
            scene.accepted_within(15)
            with App(inside) as app:
                scene.app = app
                scene.all_stand()


@pytest.mark.skipif(not _may_mount(), reason="this user may not mount")
def test_a_daemon_does_not_start_on_a_read_only_folder_and_says_why(tmp_path: Path) -> None:
    with opened(tmp_path, {}) as scene:
        scene.daemon.stop()
        scene.app.store.truncate_log()
        shutil.copytree(tmp_path / "home", tmp_path / "kept")
        with mounted(scene, "8m", 'mount -o remount,ro "$CRMWIRE_HOME"') as running:
            assert running.wait(20) == 1
        said = (tmp_path / "mounted.log").read_text()
        assert "Traceback" not in said
        assert "cannot be" in said
