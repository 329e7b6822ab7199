"""What was asked and answered, as the history of a delivery keeps it."""

from __future__ import annotations

import contextlib
import contextvars
import re
from collections.abc import Iterator

from attrs import frozen


@frozen(kw_only=True)
class Exchange:
    """One request and its outcome, as the history of a delivery keeps it."""

    method: str
    path: str
    status: int | None
    request_id: str
    seconds: float
    problem: str = ""


recorder: contextvars.ContextVar[list[Exchange] | None] = contextvars.ContextVar(
    "crmwire_exchanges", default=None
)


@contextlib.contextmanager
def recording() -> Iterator[list[Exchange]]:
    """Collect the exchanges that happen inside, also those of `Http.map`."""
    exchanges: list[Exchange] = []
    token = recorder.set(exchanges)
    try:
        yield exchanges
    finally:
        recorder.reset(token)


def redacted_path(path: str) -> str:
    """The path without what may name a person: no query, no segment with an address in it."""
    bare = re.split("[?#]", re.sub(r"^(https?:)?//[^/?#]*", "", path))[0]
    segments = bare.split("/")
    return "/".join("…" if "@" in part or "%40" in part.lower() else part for part in segments)
