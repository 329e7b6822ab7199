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
from pathlib import Path
from typing import Any

import pytest

from crmwire.demo.processes import Process, call, free_port

NEEDS_CC = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")


def refused(scene: Any, count: int = 5) -> None:
    """Webhooks are refused with 503, so that the source sends them again."""
    for _ in range(count):
        answer = scene.send()
        assert answer.status == 503, answer
        assert answer.body["error"] in ("unavailable", "store_unavailable")


@NEEDS_CC
def test_a_disk_that_fails_is_answered_503_and_is_forgiven(tmp_path: Path, one_crm: Any) -> None:
    source = Path(__file__).with_name("failing_disk.c")
    library = tmp_path / "failing_disk.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True
    )
    told = tmp_path / "trouble"
    told.write_text("none 0")
    preloaded = {"LD_PRELOAD": str(library), "FAILING_DISK": str(told)}
    with one_crm(environment=preloaded) as scene:
        for kind, number in (
            ("write", errno.ENOSPC),
            ("write", errno.EROFS),
            ("write", errno.EIO),
            ("sync", errno.EIO),
        ):
            assert scene.send().status == 202
            told.write_text(f"{kind} {number}")
            refused(scene)
            assert call(f"{scene.daemon.url}/healthz").status == 200
            told.write_text("none 0")
            scene.all_acknowledged()
        told.write_text(f"read {errno.EIO}")
        answers = [scene.send().status for _ in range(5)]
        assert set(answers) <= {202, 503}  # what is in memory need not be read
        told.write_text("none 0")
        scene.all_acknowledged()
        scene.all_stand()
        scene.daemon.kill()
        scene.start()
        assert scene.send().status == 202
        scene.all_stand()


def test_a_file_that_may_grow_no_more_is_answered_503_and_is_forgiven(
    tmp_path: Path, one_crm: Any
) -> None:
    with one_crm() as scene:
        assert scene.send().status == 202
        limit = (0, resource.RLIM_INFINITY)
        resource.prlimit(scene.daemon.process.pid, resource.RLIMIT_FSIZE, limit)
        refused(scene)
        free = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(scene.daemon.process.pid, resource.RLIMIT_FSIZE, free)
        scene.all_acknowledged()
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
def mounted(scene: Any, size: str, change: str = ":") -> Iterator[subprocess.Popen[bytes]]:
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
def test_a_file_system_without_room_is_answered_503_and_is_forgiven(
    tmp_path: Path, one_crm: Any
) -> None:
    with one_crm() as scene:
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
            statuses = [scene.send().status for _ in range(30)]
            assert set(statuses) <= {202, 503}
            assert statuses[-5:] == [503] * 5
            filled.unlink()
            scene.all_acknowledged()
            deadline = time.monotonic() + 60
            while len(scene.people()) < len(scene.taken) and time.monotonic() < deadline:
                time.sleep(0.1)
            scene.stand_once()


@pytest.mark.skipif(not _may_mount(), reason="this user may not mount")
def test_a_daemon_does_not_start_on_a_read_only_folder_and_says_why(
    tmp_path: Path, one_crm: Any
) -> None:
    with one_crm() as scene:
        scene.daemon.stop()
        scene.app.store.truncate_log()
        shutil.copytree(tmp_path / "home", tmp_path / "kept")
        with mounted(scene, "8m", 'mount -o remount,ro "$CRMWIRE_HOME"') as running:
            assert running.wait(20) == 2
        said = (tmp_path / "mounted.log").read_text()
        assert said.count("\n") == 1
        assert "cannot be read and written" in said
