"""Whether a connection or a feed works: its login, its routes' mappings, its signatures.

What a check found is remembered, so that `connection list` and `status` can tell of it, and the
next one is due a day later. A login that a check finds lost is lost: its queue waits, and people
are told.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import attrs
from attrs import frozen

from crmwire.alerting.messages import iso
from crmwire.errors import ConfigurationError, CrmwireError, NeedsLogin, RetryLater
from crmwire.opening import lane_of, require_same_account
from crmwire.store import checks, logins, setup, sights
from crmwire.store.checks import CheckRow
from crmwire.types import ConnectionReport, Finding
from crmwire.vault import KeyMissing

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.opening import Openings
    from crmwire.store import ConnectionRow, FeedRow, RouteRow, Store

DAY, HOUR = 86400.0, 3600.0
_JITTER = 0.1


@frozen(kw_only=True)
class Checked:
    """What `check` found out about one connection or feed.

    `facts` are (what, how it is): scopes, limits left, when a webhook last came in. `state` is
    ok, warning, error, or login, vault, later for what stopped the check.
    """

    name: str
    kind: str
    report: ConnectionReport | None
    findings: tuple[Finding, ...]
    facts: tuple[tuple[str, str], ...] = ()
    state: str = "ok"

    @property
    def ok(self) -> bool:
        return all(finding.level != "error" for finding in self.findings)


def check_connection(openings: Openings, name: str) -> Checked:
    """Ask a connection's CRM who we are and hold its routes' mappings against the schema.

    What it found is remembered; a login that was refused makes the connection wait for one.
    """
    row = openings.store.connection(name)
    with openings.store.read() as db:
        login_number = logins.number(db, row.id)
    findings: list[Finding] = []
    facts: list[tuple[str, str]] = []
    report, stopped = None, None
    try:
        conn = openings.connection(row)
        conn.login.try_again()  # whoever was inactive or at a forbidden address may be let in now
        report = conn.hooks.check_connection()
        findings += report.findings
        _keep_report(openings.store, row, report)
        for route in openings.store.routes():
            if route.connection == name:
                findings += _of_mapping(openings, conn, route)
        facts = _facts(conn, report)
    except CrmwireError as error:
        stopped = error
        findings.append(_as_finding(name, error))
    if isinstance(stopped, NeedsLogin):
        lost = stopped
        way = "connect"
        with openings.store.read() as db:
            login = logins.login(db, row.id)
        if login is not None and login.kind == logins.STATIC:
            way = "connection add"
        remedy = lost.remedy or f"Run `crmwire {way} {row.crm} --name {name}`."
        openings.store.write(
            lambda db: logins.lost(db, row.id, login_number, problem=lost.message, remedy=remedy)
        )
    made = Checked(
        name=name,
        kind="connection",
        report=report,
        findings=tuple(findings),
        facts=tuple(facts),
        state=_state(stopped, findings),
    )
    return _kept(openings, row.owner, made)


def _of_mapping(openings: Openings, conn: Connection, route: RouteRow) -> list[Finding]:
    """What a route's mapping comes to; one that does not compile stops no other's check."""
    try:
        return list(conn.hooks.check_mapping(openings.mapping(route)))
    except ConfigurationError as error:
        return [_as_finding(f"route {route.name}", error)]


def _facts(conn: Connection, report: ConnectionReport) -> list[tuple[str, str]]:
    facts = []
    scopes = report.scopes or conn.login.scopes() or ()
    if scopes:
        facts.append(("scopes", ", ".join(scopes)))
    if report.tier:
        facts.append(("tier", report.tier))
    for state in conn.pacer.left():
        of = f" of {state.total:,}" if state.total else ""
        facts.append((f"limit {state.name}", f"{state.remaining:,}{of} left"))
    return facts


def _state(stopped: CrmwireError | None, findings: list[Finding]) -> str:
    if isinstance(stopped, NeedsLogin):
        return "login"
    if isinstance(stopped, KeyMissing):
        return "vault"
    if isinstance(stopped, RetryLater):
        return "later"
    levels = {finding.level for finding in findings}
    return "error" if "error" in levels else "warning" if "warning" in levels else "ok"


def _kept(openings: Openings, owner: str, made: Checked) -> Checked:
    """Remember a check, and when the next is due: in a day, or in an hour if nobody answered."""
    now = openings.clock.now().timestamp()
    wait = (HOUR if made.state == "later" else DAY) * random.uniform(1 - _JITTER, 1 + _JITTER)
    row = CheckRow(
        owner=owner,
        checked_at=now,
        next_at=now + wait,
        state=made.state,
        findings=tuple(attrs.asdict(finding) for finding in made.findings),
    )
    openings.store.write(lambda db: checks.save_check(db, row))
    return made


def _keep_report(store: Store, row: ConnectionRow, report: ConnectionReport) -> None:
    lane = lane_of(row.crm, report.account_id)
    require_same_account(row, report)

    def job(db: Any) -> None:
        setup.set_report(db, row.id, report, lane)
        setup.set_working(db, row.id)

    store.write(job)


def check_feed(openings: Openings, name: str) -> Checked:
    """Whether a feed's plugin loads, its webhooks are signed, and its source can be asked."""
    row = openings.store.feed(name)
    findings: list[Finding] = []
    stopped = None
    try:
        hooks = openings.source(row)
        if not hooks.feed.secrets and (hooks.feed.allow_unsigned or not hooks.is_polled()):
            findings.append(
                Finding(
                    level="warning",
                    subject=name,
                    message="Unsigned webhooks are taken: anyone who knows the address can "
                    "send bookings.",
                    remedy="Set a signing secret at the source and here.",
                )
            )
        findings += hooks.check_feed()
    except CrmwireError as error:
        stopped = error
        findings.append(_as_finding(name, error))
    findings += _intake_findings(openings.store, row)
    made = Checked(
        name=name,
        kind="feed",
        report=None,
        findings=tuple(findings),
        facts=tuple(_feed_facts(openings.store, row)),
        state=_state(stopped, findings),
    )
    return _kept(openings, row.owner, made)


def _intake_findings(store: Store, row: FeedRow) -> list[Finding]:
    """What became of the webhooks that came in lately."""
    with store.read() as db:
        since = 0.0
        refused = sights.refused(db, since).get(row.id, 0)
        unreadable = sights.unreadable(db, since).get(row.id, 0)
    found = []
    if refused:
        found.append(
            Finding(
                level="warning",
                subject=row.name,
                message=f"{refused} webhooks had a wrong, old or missing signature, and none was "
                "taken since.",
                remedy="Give the feed the secret that the source signs with; check the clock.",
            )
        )
    if unreadable:
        found.append(
            Finding(
                level="warning",
                subject=row.name,
                message=f"{unreadable} signed webhooks could not be read; they are kept.",
                remedy="See `crmwire webhooks` for what is wrong with them.",
            )
        )
    return found


def _feed_facts(store: Store, row: FeedRow) -> list[tuple[str, str]]:
    with store.read() as db:
        at = sights.last_event(db, row.id)
    return [("last event", iso(at) if at is not None else "none yet")]


def _as_finding(subject: str, error: CrmwireError) -> Finding:
    message = " ".join([error.message, "; ".join(getattr(error, "problems", ()))]).strip()
    return Finding(level="error", subject=subject, message=message, remedy=error.remedy)
