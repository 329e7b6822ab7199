"""Where past events come from: the source's own list, or a file of rows."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from crmwire.backfilling.rows import event_of, rows_in
from crmwire.errors import ConfigurationError
from crmwire.types import Chunk

if TYPE_CHECKING:
    from crmwire.hooks import SourceHooks
    from crmwire.types import Json

CHUNK = 100
"""How many rows of a file are taken at once."""
MOST = 20
"""How many mistakes of a file are told."""


class Past(Protocol):
    """Past events, a chunk at a time. `name` tells one past from another, also after a restart."""

    name: str

    def chunk(self, since: datetime, cursor: Json) -> Chunk:
        """The events after `cursor`; None is the start. Raises: Failure, ConfigurationError."""


class SourcePast:
    """What a source's API lists."""

    name = "source"

    def __init__(self, hooks: SourceHooks) -> None:
        """Raises: ConfigurationError if the source cannot list."""
        if not hooks.implements("list_past"):
            title = hooks.source_info().title
            raise ConfigurationError(
                f"{title} cannot be asked for past bookings.",
                remedy="Export them to a CSV or NDJSON file and name it with --file; "
                "docs/howto/backfill.md tells its columns.",
            )
        self._hooks = hooks

    def chunk(self, since: datetime, cursor: Json) -> Chunk:
        return self._hooks.list_past(since, cursor)


class FilePast:
    """The rows of a CSV or NDJSON file; its cursor is how many were taken."""

    def __init__(self, path: Path) -> None:
        """Reads the whole file, so that every mistake is told before anything is carried.

        Raises: ConfigurationError with all rows that cannot be used.
        """
        problems = []
        made = []
        for row in rows_in(path):
            try:
                made.append(event_of(row))
            except ConfigurationError as error:
                problems.append(f"{path.name}:{row.line}: {error.message}")
        if problems:
            more = len(problems) - MOST
            raise ConfigurationError(
                f"{path} holds {len(problems)} row{'s' * (len(problems) > 1)} that cannot be used.",
                problems=(*problems[:MOST], *([f"… and {more} more"] if more > 0 else [])),
                remedy="Mend them, or take them out; docs/howto/backfill.md tells the columns.",
            )
        self._made = tuple(made)
        self.name = "file " + hashlib.sha256(path.read_bytes()).hexdigest()[:32]

    def chunk(self, since: datetime, cursor: Json) -> Chunk:
        start = cursor if isinstance(cursor, int) else 0
        end = start + CHUNK
        return Chunk(
            events=self._made[start:end],
            cursor=min(end, len(self._made)),
            more=end < len(self._made),
            total=len(self._made),
        )


def past_of(hooks: SourceHooks, file: Path | None) -> Past:
    """The file's rows, or else the source's list."""
    return SourcePast(hooks) if file is None else FilePast(file)
