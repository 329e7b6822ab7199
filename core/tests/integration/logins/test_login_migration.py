"""A data folder from before logins were known."""

from __future__ import annotations

from pathlib import Path

from sqlite_utils import Database

from crmwire.store import Store
from crmwire.store.migrations import migrations


def test_tokens_that_were_typed_in_are_static_logins(tmp_path: Path) -> None:
    path = tmp_path / "crmwire.db"
    db = Database(path)
    migrations.apply(db, stop_before="m004_logins")
    for id_, name in ((1, "with"), (2, "without")):
        db.execute(
            "INSERT INTO connections (id, name, team, crm, lane, settings, created_at)"
            " VALUES (?, ?, 'default', 'toy', 'x', '{}', 7)",
            (id_, name),
        )
    db.execute("INSERT INTO secrets VALUES ('connection/1', 'token', 'k1', x'00')")
    db.conn.commit()
    db.close()
    store = Store(path)
    login = store.login(1)
    assert login is not None
    assert (login.kind, login.number, login.expires_at) == ("static", 1, None)
    assert store.login(2) is None
    store.close()
