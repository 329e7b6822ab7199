"""Whether a connection or a feed works: its login, its routes' mappings, its signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from crmwire.errors import ConfigurationError, CrmwireError
from crmwire.opening import lane_of
from crmwire.store import setup
from crmwire.types import ConnectionReport, Finding

if TYPE_CHECKING:
    from crmwire.opening import Openings
    from crmwire.store import ConnectionRow, Store


@frozen(kw_only=True)
class Checked:
    """What `check` found out about one connection or feed."""

    name: str
    kind: str
    report: ConnectionReport | None
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return all(finding.level != "error" for finding in self.findings)


def check_connection(openings: Openings, name: str) -> Checked:
    """Ask a connection's CRM who we are and hold its routes' mappings against the schema."""
    row = openings.store.connection(name)
    findings: list[Finding] = []
    report = None
    try:
        conn = openings.connection(row)
        report = conn.hooks.check_connection()
        findings += report.findings
        _keep_report(openings.store, row, report)
        for route in openings.store.routes():
            if route.connection == name:
                findings += conn.hooks.check_mapping(openings.mapping(route))
    except CrmwireError as error:
        findings.append(_as_finding(name, error))
    return Checked(name=name, kind="connection", report=report, findings=tuple(findings))


def _keep_report(store: Store, row: ConnectionRow, report: ConnectionReport) -> None:
    lane = lane_of(row.crm, report.account_id)
    if row.report is not None and row.report.account_id != report.account_id:
        raise ConfigurationError(
            f"The token belongs to another account ({report.account_name}) than before "
            f"({row.report.account_name}).",
            remedy="Use a token of the same account, or add a new connection.",
        )

    def job(db: Any) -> None:
        setup.set_report(db, row.id, report, lane)
        setup.set_connection_state(db, row.id, "ok")

    store.write(job)


def check_feed(openings: Openings, name: str) -> Checked:
    """Whether a feed's plugin loads and its webhooks are signed."""
    row = openings.store.feed(name)
    findings: list[Finding] = []
    try:
        hooks = openings.source(row)
        if not hooks.feed.secrets:
            findings.append(
                Finding(
                    level="warning",
                    subject=name,
                    message="Unsigned webhooks are taken: anyone who knows the address can "
                    "send bookings.",
                    remedy="Set a signing secret at the source and here.",
                )
            )
    except CrmwireError as error:
        findings.append(_as_finding(name, error))
    return Checked(name=name, kind="feed", report=None, findings=tuple(findings))


def _as_finding(subject: str, error: CrmwireError) -> Finding:
    message = " ".join([error.message, "; ".join(getattr(error, "problems", ()))]).strip()
    return Finding(level="error", subject=subject, message=message, remedy=error.remedy)
