"""A data folder, open: its store, vault, plugins and clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Self

from crmwire import home as homes
from crmwire.clock import Clock, SystemClock
from crmwire.discovery import Discovery
from crmwire.opening import Openings
from crmwire.store import Store, setup
from crmwire.vault import Vault, load_keys


class OpenFolder:
    """What all methods of `App` work on."""

    def __init__(
        self,
        home: Path | None = None,
        *,
        clock: Clock | None = None,
        threaded: bool = False,
        told: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.home = homes.prepared(home or homes.default_home())
        self.clock = clock or SystemClock()
        self.store = Store(self.home / homes.DATABASE, threaded=threaded)
        with self.store.read() as db:
            may_create = setup.any_secret(db) is None
        keys = load_keys(may_create=may_create, told=told, outside=self.home)
        self.vault = Vault(self.store, keys)
        self.vault.check()
        self.discovery = Discovery(self.home / "plugins")
        self.openings = Openings(self.store, self.vault, self.discovery, self.clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.store.close()
