"""Small facts that are kept in the connection's cache: said once, looked at without a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.types import Json


class _NotKeptError(Exception):
    """The cache has no answer, and none is to be put into it."""


def peek(conn: Connection, key: str) -> Json:
    """What is kept under this key, None if nothing is."""
    try:
        return conn.cache(f"salesforce:{key}", 1.0, _not_kept)
    except _NotKeptError:
        return None


def keep(conn: Connection, key: str, seconds: float, value: Json) -> None:
    """Keep a value in the place of what was kept before."""
    conn.forget_cached(f"salesforce:{key}")
    conn.cache(f"salesforce:{key}", seconds, lambda: value)


def forget(conn: Connection, key: str) -> None:
    conn.forget_cached(f"salesforce:{key}")


def _not_kept() -> Json:
    raise _NotKeptError
