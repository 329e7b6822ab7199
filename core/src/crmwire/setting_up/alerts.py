"""Alerts: where people are told that something is wrong; the address is a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from crmwire.alerting.addresses import ADDRESS, SIGNING, checked_secret, new_secret, service_of
from crmwire.alerting.kinds import DIGESTS, Pace
from crmwire.alerting.messages import Current, trial
from crmwire.alerting.sending import Sender
from crmwire.alerting.watching import look
from crmwire.errors import ConfigurationError
from crmwire.setting_up.naming import checked_name
from crmwire.store import alerts, audit, checks

if TYPE_CHECKING:
    from crmwire.alerting.addresses import TargetKind
    from crmwire.opening import Openings
    from crmwire.store.alerts import Digest, TargetRow
    from crmwire.store.checks import CheckRow


def add(
    openings: Openings,
    name: str,
    *,
    address: str,
    kind: TargetKind,
    team: str,
    digest: Digest,
    secret: str | None,
) -> TargetRow:
    """Add a place to tell. A webhook without `secret` gets one. Raises: ConfigurationError."""
    checked_name(name)
    checked_digest(digest)
    service = service_of(kind, address)
    if kind == "webhook":
        secret = new_secret() if secret is None else checked_secret(secret)
    now = openings.clock.now().timestamp()

    def job(db: Any) -> None:
        id_ = alerts.insert_target(
            db, name=name, team=team, kind=kind, service=service, digest=digest, now=now
        )
        openings.vault.put_in(db, f"alert/{id_}", ADDRESS, address)
        if secret is not None:
            openings.vault.put_in(db, f"alert/{id_}", SIGNING, secret)
        audit.record(db, now, "added", "alert", name, service=service, team=team)

    openings.store.write(job)
    return find(openings, name)


def change(
    openings: Openings,
    name: str,
    *,
    digest: Digest | None = None,
    address: str | None = None,
    secret: str | None = None,
) -> TargetRow:
    """Change how often, or where, an alert is told. Raises: ConfigurationError."""
    row = find(openings, name)
    chosen = row.digest if digest is None else checked_digest(digest)
    kind: TargetKind = "webhook" if row.kind == "webhook" else "apprise"
    service = row.service if address is None else service_of(kind, address)
    if secret is not None:
        checked_secret(secret)
    now = openings.clock.now().timestamp()
    changed = [
        *([ADDRESS] if address is not None else []),
        *([SIGNING] if secret is not None else []),
    ]

    def job(db: Any) -> None:
        alerts.update_target(db, row.id, digest=chosen, service=service)
        if address is not None:
            openings.vault.put_in(db, row.owner, ADDRESS, address)
        if secret is not None:
            openings.vault.put_in(db, row.owner, SIGNING, secret)
        audit.record(db, now, "changed", "alert", name, digest=chosen, secrets=tuple(changed))

    openings.store.write(job)
    return find(openings, name)


def remove(openings: Openings, name: str) -> None:
    """Remove an alert with its address; what it was not told yet is dropped."""
    row, now = find(openings, name), openings.clock.now().timestamp()

    def job(db: Any) -> None:
        alerts.delete_target(db, row.id)
        audit.record(db, now, "removed", "alert", name, service=row.service, team=row.team)

    openings.store.write(job)


def test(openings: Openings, name: str) -> str | None:
    """Send a message that says that nothing is wrong; None if it arrived, else the problem."""
    row = find(openings, name)
    now = openings.clock.now().timestamp()
    sender = Sender(openings.store, openings.vault, openings.clock, Pace())
    return sender.send_now(row, trial(row, now))


def find(openings: Openings, name: str) -> TargetRow:
    """Raises: UnknownName."""
    with openings.store.read() as db:
        return alerts.target(db, name)


def all_of(openings: Openings) -> list[TargetRow]:
    with openings.store.read() as db:
        return alerts.targets(db)


def signing_secret(openings: Openings, name: str) -> str | None:
    """What a webhook's messages are signed with; None where nothing is signed."""
    return openings.vault.get(find(openings, name).owner, SIGNING)


def checked_digest(digest: str) -> Digest:
    """Raises: ConfigurationError."""
    for known in DIGESTS:
        if digest == known:
            return known
    raise ConfigurationError(
        f"There is no digest {digest!r}.", remedy=f"Choose from: {', '.join(DIGESTS)}."
    )


def last_checks(openings: Openings) -> dict[str, CheckRow]:
    """What was last checked, by `connection/ID` and `feed/ID`."""
    with openings.store.read() as db:
        return {owner: row for owner, row in checks.checks(db).items() if row.state != "never"}


@frozen(kw_only=True)
class WrongNow:
    """Something that is wrong now; `ripe` if it has lasted long enough to be told."""

    trouble: Current
    ripe: bool


def wrong_now(openings: Openings) -> list[WrongNow]:
    """All that is wrong now, the oldest first; since when is known if a daemon saw it begin."""
    now, pace = openings.clock.now().timestamp(), Pace()
    with openings.store.read() as db:
        sight = look(db, now, pace)
        known = {row.about: row.opened_at for row in alerts.open_troubles(db)}
    found = [
        WrongNow(
            trouble=Current(seen=one, opened_at=known.get(one.about, now)),
            ripe=one.certain
            or not one.kind.patience
            or now - known.get(one.about, now) >= pace.patience(one.kind),
        )
        for one in sight.seen
    ]
    return sorted(found, key=lambda one: (one.trouble.opened_at, one.trouble.seen.about))
