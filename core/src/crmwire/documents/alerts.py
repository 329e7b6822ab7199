"""Alerts of a document, held against those of the store."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from crmwire.alerting.addresses import ADDRESS, checked_secret, service_of
from crmwire.alerting.addresses import SIGNING as SIGNING_ALERTS
from crmwire.documents.changes import Change
from crmwire.documents.values import difference
from crmwire.documents.work import Work
from crmwire.setting_up.alerts import checked_digest

if TYPE_CHECKING:
    from crmwire.alerting.addresses import TargetKind
    from crmwire.documents.form import AlertEntry
    from crmwire.store.alerts import TargetRow


def compare_alerts(work: Work) -> None:
    """Note how the alerts of the document differ from those of the store."""
    entries = work.document.alerts
    rows: dict[str, TargetRow] = work.of_team("alert", entries, work.app.alerts())
    for name, entry in entries.items():
        _alert(work, name, entry, rows.get(name))
    for name in rows.keys() - entries.keys():
        work.leave_or_remove("alert", name, partial(work.app.remove_alert, name))


def _alert(work: Work, name: str, entry: AlertEntry, row: TargetRow | None) -> None:
    app, path, own = work.app, f"alerts[{name!r}]", f"alert/{name}"
    kind: TargetKind = "webhook" if entry.webhook else "apprise"
    if row is not None and row.kind != kind:
        work.problem(f"{path}.webhook", "it cannot be changed; use another name")
    digest = work.try_(f"{path}.digest", lambda: checked_digest(entry.digest))
    kept = app.vault.all(row.owner) if row else {}
    address = work.secret(f"{path}.address", entry.address, own, kept.get(ADDRESS))
    signing = work.secret(f"{path}.secret", entry.secret, own, kept.get(SIGNING_ALERTS))
    if signing is not None:
        work.try_(f"{path}.secret", lambda: checked_secret(signing))
    if entry.address is None and address is None:
        work.problem(path, "an alert needs `address`, such as env:VARIABLE")
    if address is None or digest is None:
        return
    if address != kept.get(ADDRESS):
        work.try_(f"{path}.address", lambda: service_of(kind, address))
    if row is None:

        def add() -> None:
            app.add_alert(
                name,
                address=address,
                kind=kind,
                team=work.document.team,
                digest=digest,
                secret=signing,
            )

        work.changes.append(
            Change(action="add", kind="alert", name=name, details=(kind,), carry_out=add)
        )
        return
    details = difference("digest", row.digest, digest)
    if address != kept.get(ADDRESS):
        details.append("address: replaced")
    if signing != kept.get(SIGNING_ALERTS):
        details.append("secret: replaced")

    def change() -> None:
        app.change_alert(
            name,
            digest=digest,
            address=address if address != kept.get(ADDRESS) else None,
            secret=signing if signing != kept.get(SIGNING_ALERTS) else None,
        )

    work.change("alert", name, details, change)
