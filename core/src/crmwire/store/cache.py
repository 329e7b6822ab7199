"""What a connection cached: it outlives the process."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from datetime import datetime
from typing import TYPE_CHECKING

from crmwire import stored

if TYPE_CHECKING:
    from crmwire.store.sides.file import StoreFile
    from crmwire.types import Json

Cached = tuple[datetime, "Json"]


class Cache(MutableMapping[str, Cached]):
    """What a connection cached, kept in the store and in memory."""

    def __init__(self, store: StoreFile, connection: int) -> None:
        self._store = store
        self._connection = connection
        with store.read() as db:
            rows = db.execute(
                "SELECT key, expires_at, value FROM cache WHERE connection = ?", (connection,)
            ).fetchall()
        self._memory: dict[str, Cached] = {}
        for key, expires_at, value in rows:
            expires = stored.moment(expires_at)
            assert expires is not None
            self._memory[key] = (expires, json.loads(value))

    def __getitem__(self, key: str) -> Cached:
        return self._memory[key]

    def __setitem__(self, key: str, value: Cached) -> None:
        self._memory[key] = value
        row = (self._connection, key, value[0].timestamp(), json.dumps(value[1]))
        self._store.write(
            lambda db: db.execute("INSERT OR REPLACE INTO cache VALUES (?, ?, ?, ?)", row)
        )

    def __delitem__(self, key: str) -> None:
        del self._memory[key]
        where = (self._connection, key)
        self._store.write(
            lambda db: db.execute("DELETE FROM cache WHERE connection = ? AND key = ?", where)
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._memory)

    def __len__(self) -> int:
        return len(self._memory)
