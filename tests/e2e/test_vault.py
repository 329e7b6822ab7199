"""The vault, at length: every bit of many blobs, every swap, and rotations that are killed.

Quick by default; in full: `pytest tests/e2e/test_vault.py --secrets 2000 --kills 20`.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.store import keys as stored_keys
from crmwire.vault import KeyMissing, sealed, unsealed

KEY = bytes(range(32))


@pytest.fixture
def number(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--secrets"))


def refused(owner: str, name: str, blob: bytes) -> bool:
    try:
        unsealed(KEY, owner, name, blob)
    except KeyMissing:
        return True
    return False


def test_every_flipped_bit_of_a_thousand_blobs_is_refused() -> None:
    for one in range(1000):
        owner = f"connection/{one}"
        blob = sealed(KEY, owner, "token", f"canary-{one:04d}")
        whole = int.from_bytes(blob)
        assert not refused(owner, "token", blob)
        for bit in range(len(blob) * 8):
            assert refused(owner, "token", (whole ^ 1 << bit).to_bytes(len(blob)))


def test_every_blob_is_refused_in_every_other_row(number: int) -> None:
    places = [(f"connection/{one}", "token") for one in range(number // 4)]
    places += [(f"connection/{one}", "refresh") for one in range(number // 4)]
    blobs = [sealed(KEY, *place, "the same secret") for place in places]
    for here, place in enumerate(places):
        for there, blob in enumerate(blobs):
            assert refused(*place, blob) is (here != there)


ROTATE = """
import sys
from pathlib import Path
from crmwire.app import App
with App(Path(sys.argv[1])) as app:
    print(app.rotate_keys(batch=int(sys.argv[2])).moved)
"""


def test_no_secret_is_unreadable_after_rotations_that_were_killed(
    number: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Killed at any moment, with another process's secrets renewed all the while."""
    kills = int(request.config.getoption("--kills"))
    seed = int(request.config.getoption("--kill-seed"))
    chance = random.Random(seed)
    with surroundings(tmp_path) as environment, App(tmp_path / "home") as app:
        for one in range(number):
            app.vault.put(f"connection/{one}", "token", f"canary {one}")
        (oldest,) = app.vault.keys
        stop, renewed, failures = threading.Event(), dict[str, str](), list[BaseException]()

        def renew() -> None:
            with App(tmp_path / "home") as mine:
                while not stop.is_set():
                    owner = f"renewed/{chance.randrange(20)}"
                    try:
                        mine.vault.put(owner, "refresh", f"at {time.monotonic()}")
                        renewed[owner] = mine.vault.get(owner, "refresh") or "lost"
                        time.sleep(0.001)
                    except BaseException as error:  # noqa: BLE001
                        failures.append(error)
                        return

        def rotating() -> subprocess.Popen[str]:
            return subprocess.Popen(
                [sys.executable, "-c", ROTATE, str(tmp_path / "home"), str(max(1, number // 200))],
                env={**os.environ, **environment},
                stdout=subprocess.PIPE,
                text=True,
            )

        writer = threading.Thread(target=renew)
        writer.start()
        in_the_middle = 0
        for _ in range(kills):
            process = rotating()
            before = counted(tmp_path)
            while process.poll() is None and counted(tmp_path) == before:
                time.sleep(0.001)  # until it has begun to move secrets
            time.sleep(chance.random() * 0.004)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            in_the_middle += len(counted(tmp_path)) > 1
            assert all(
                app.vault.get(f"connection/{one}", "token") == f"canary {one}"
                for one in range(number)
            )
        last = rotating()
        last.communicate()
        stop.set()
        writer.join()
        assert failures == []
        assert last.returncode == 0
        with App(tmp_path / "home") as fresh:
            for one in range(number):
                assert fresh.vault.get(f"connection/{one}", "token") == f"canary {one}"
            for owner, secret in renewed.items():
                assert fresh.vault.get(owner, "refresh") == secret
            (key_id,) = counted(tmp_path)
            assert key_id != oldest
            for old in [one for one in fresh.vault.keys if one != key_id]:
                fresh.remove_key(old)
        with App(tmp_path / "home") as fresh:
            fresh.vault.check()
            assert list(fresh.vault.keys) == [key_id]
            assert fresh.vault.get("connection/0", "token") == "canary 0"
            with fresh.store.read() as db:
                assert sum(stored_keys.count_by_key(db).values()) == number + len(renewed)
        assert in_the_middle > 0, "no kill came in the middle: nothing was shown"
        print(f"{in_the_middle} of {kills} kills in the middle, {len(renewed)} renewed")  # noqa: T201


def counted(folder: Path) -> dict[str, int]:
    db = sqlite3.connect(folder / "home" / "crmwire.db", timeout=10)
    try:
        rows = db.execute(
            "SELECT key_id, count(*) FROM secrets WHERE owner LIKE 'connection/%' GROUP BY key_id"
        )
        return dict(rows.fetchall())
    finally:
        db.close()
