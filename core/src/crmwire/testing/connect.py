"""A connection without a store, for tests of a plugin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from crmwire.clock import Clock, SystemClock
from crmwire.connections import Connection, ConnectionSettings
from crmwire.hooks import Named
from crmwire.http import Client


def connect(
    plugin: object,
    host: str,
    *,
    token: str = "sandbox",  # noqa: S107  (a sandbox's token is no secret)
    name: str = "test",
    clock: Clock | None = None,
    client: Client | None = None,
    extra: Iterable[Named] = (),
    **settings: Any,
) -> Connection:
    """Open a connection of one CRM plugin to `host`, such as a sandbox's address.

    Loopback addresses need the environment variable CRMWIRE_ALLOW_LOOPBACK=1.
    """
    key = plugin.crm_info().key  # type: ignore[attr-defined]
    return Connection(
        name=name,
        crm=key,
        settings=ConnectionSettings(host=host, **settings),
        plugins=[(key, plugin), *extra],
        clock=clock or SystemClock(),
        token=lambda: token,
        client=client,
    )
