"""Surroundings of its own for a run that must touch nothing of the user's."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from crmwire.hosts import LOOPBACK_SWITCH


@contextlib.contextmanager
def surroundings(folder: Path) -> Iterator[dict[str, str]]:
    """Data folder and key below `folder`, loopback allowed: here and for child processes."""
    environment = {
        "CRMWIRE_HOME": str(folder / "home"),
        "CRMWIRE_KEY_FILE": str(folder / "config" / "keys"),
        LOOPBACK_SWITCH: "1",
    }
    before = {name: os.environ.get(name) for name in (*environment, "CRMWIRE_KEYS")}
    os.environ.pop("CRMWIRE_KEYS", None)
    os.environ.update(environment)
    try:
        yield environment
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
