"""Connections of a document, held against those of the store."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from crmwire.documents.changes import Change
from crmwire.documents.values import difference
from crmwire.documents.work import Work
from crmwire.opening import TOKEN
from crmwire.setting_up.naming import checked_zone
from crmwire.store.logins import STATIC

if TYPE_CHECKING:
    from crmwire.app import App
    from crmwire.documents.form import ConnectionEntry
    from crmwire.store import ConnectionRow


def compare_connections(work: Work) -> None:
    """Note how the connections of the document differ from those of the store."""
    entries = work.document.connections
    rows: dict[str, ConnectionRow] = work.of_team(
        "connection", entries, work.app.store.connections()
    )
    for name, entry in entries.items():
        _connection(work, name, entry, rows.get(name))
    for name in rows.keys() - entries.keys():
        if not work.prune:
            row = rows[name]
            _open(work, name, row.crm, row.settings)
        work.leave_or_remove("connection", name, partial(work.app.remove_connection, name))


def _open(work: Work, name: str, crm: str, settings: Mapping[str, Any]) -> None:
    """Open a connection as it would be, so that routes can be held against its plugins."""
    path = f"connections[{name!r}]"
    where = f"{work.where}.{path}.settings"
    made = work.try_(path, lambda: work.app.openings.trial(name, crm, settings, where=where))
    if made is not None:
        work.opened[name] = made


def _connection(work: Work, name: str, entry: ConnectionEntry, row: ConnectionRow | None) -> None:
    app, path = work.app, f"connections[{name!r}]"
    if row is not None and row.crm != entry.crm:
        work.problem(f"{path}.crm", f"it is {row.crm!r}; remove the connection to change it")
    if work.plain(f"{path}.settings", entry.settings):
        _open(work, name, entry.crm, entry.settings)
    if name in work.opened:
        zone = work.opened[name].settings.zone
        work.try_(f"{path}.settings.zone", lambda: checked_zone(zone))
    before = app.vault.get(row.owner, TOKEN) if row else None
    token = work.secret(f"{path}.token", entry.token, f"connection/{name}", before)
    if entry.token is None and token is None and not _logs_in(app, entry, row):
        work.problem(
            path,
            "a connection needs `token`, such as env:VARIABLE, or `settings.client_id`, "
            "for `crmwire connect`",
        )
    if row is None:

        def add() -> None:
            app.add_connection(
                name,
                crm=entry.crm,
                token=token,
                team=work.document.team,
                settings=entry.settings,
            )

        told = f"to {entry.crm}"
        if token is None:
            told += f"; log in then: `crmwire connect {entry.crm} --name {name}`"
        work.changes.append(
            Change(action="add", kind="connection", name=name, details=(told,), carry_out=add)
        )
        return
    details = difference("settings", row.settings, entry.settings)
    if token != before:
        details.append(f"token: {'replaced' if before else 'set'}")

    def change() -> None:
        app.change_connection(name, settings=entry.settings)
        if token is not None and token != before:
            app.set_token(name, token)

    work.change("connection", name, details, change)


def _logs_in(app: App, entry: ConnectionEntry, row: ConnectionRow | None) -> bool:
    """Whether somebody logs in to this connection, or has: then it has no token to be given."""
    if entry.settings.get("client_id"):
        return True
    login = None if row is None else app.store.login(row.id)
    return login is not None and login.kind != STATIC
