"""The data folder: where everything that crmwire remembers lies, and who may run on it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from crmwire.errors import ConfigurationError, HomeInUse

DATABASE = "crmwire.db"
ADDRESS = "daemon.address"
"""Where the running daemon listens, as `HOST PORT`, for commands that ask it."""


def default_home() -> Path:
    """`CRMWIRE_HOME`, or `crmwire` in the user's data folder (XDG base directories)."""
    named = os.environ.get("CRMWIRE_HOME")
    if named:
        return Path(named)
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "crmwire"


def prepared(home: Path) -> Path:
    """Make the folder if need be, for this user only. Raises: ConfigurationError."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (FileExistsError, NotADirectoryError):
        raise ConfigurationError(
            f"The data folder {home} is a file.", remedy="Set CRMWIRE_HOME to a folder."
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {home} cannot be made ({error.strerror}).",
            remedy="Set CRMWIRE_HOME to a folder that this user can write.",
        ) from error
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"The data folder {home} cannot be read and written by this user.",
            remedy="Give this user the right to it, or set CRMWIRE_HOME to another.",
        )
    return home


@contextlib.contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """Be the one daemon on this folder. Raises: HomeInUse."""
    with (home / "daemon.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            pid = file.read().strip() or "?"
            raise HomeInUse(
                f"A daemon (process {pid}) already runs on {home}.",
                remedy="Stop it first, or set CRMWIRE_HOME to another folder.",
            ) from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield
