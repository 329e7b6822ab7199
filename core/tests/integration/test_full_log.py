"""The disk with the log is full: what is told is lost, what is done is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import resource, threading
from crmwire import logs
from crmwire.engine import Engine
import structlog

logs.configure()
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
log, drains, done = structlog.get_logger("x"), [], threading.Event()

def drain(lane, stop):
    drains.append(lane)
    log.warning("told", text="x" * 200)
    if len(drains) < 3:
        raise ValueError("as if the store could not be written")
    done.set()

engine = Engine(drain, due=lambda: ["crm:1"], crm_of=str, hangs=lambda *_: False, sweep=0.02)
engine.start()
print(done.wait(5))
engine.stop(1)
"""


def test_a_lane_is_drained_again_though_its_failure_cannot_be_logged(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=log, text=True,
            timeout=30, check=False,
        )  # fmt: skip
    assert done.stdout == "True\n"
    assert (tmp_path / "log").stat().st_size <= 100
