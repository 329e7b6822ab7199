"""Whether a daemon runs on a data folder."""

from __future__ import annotations

import contextlib
import fcntl
from pathlib import Path

LOCK = "daemon.lock"
"""The file that a daemon keeps locked (see `crmwire.home.exclusive`)."""


def running_daemon(home: Path) -> str | None:
    """The process id of the daemon that runs on this folder, or None.

    The lock is only tried, shared, and given back at once.
    """
    with contextlib.suppress(FileNotFoundError), (home / LOCK).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return file.read().strip() or "?"
        fcntl.flock(file, fcntl.LOCK_UN)
    return None
