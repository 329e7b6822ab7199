"""What is wrong now, as the store shows it. Nothing is asked of any CRM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import frozen

from crmwire.alerting.kinds import DAY, KINDS, Kind, Pace
from crmwire.alerting.scrubbing import code_of, impersonal, scrubbed
from crmwire.pacing import USED_UP
from crmwire.store import alerts, checks, polls, sights

if TYPE_CHECKING:
    from sqlite_utils import Database

    from crmwire.store.sights import Owner

FAILING_FOR = 1800.0
"""Seconds after its first try at which a delivery that fails tells of a vendor that is down."""
MOST_CODES = 20
"""Codes of held deliveries that are told apart; what a CRM makes up anew each time is not."""
_LOOK = "Look at one of them, mend its cause, then retry them all."
_HELD = {
    "": "they could not be worked on",
    "rejected": "the CRM refused the data",
    "record_gone": "the CRM's record is not there any more",
    "needs_review": "a person must choose among several records",
    "retry_later": "they were given up after many tries",
    "plugin_broken": "a plugin failed on them",
    "not_allowed": "the CRM account's configuration forbids it",
}


@frozen(kw_only=True)
class Seen:
    """Something that is wrong now. `about` stays the same as long as it is the same trouble.

    `waiting` is how many deliveries wait or are held, None where nothing does. `certain` is what
    is known to last. No text in it holds a person's data or a secret.
    """

    about: str
    kind: Kind
    team: str
    thing: str
    name: str
    what: str
    remedy: str
    command: str
    waiting: int | None = None
    held: bool = False
    certain: bool = False


@frozen(kw_only=True)
class Sight:
    """All that is wrong now, and which connections, feeds and targets are in use."""

    seen: tuple[Seen, ...]
    owners: frozenset[str]


def look(db: Database, now: float, pace: Pace) -> Sight:
    """Look at the store once; a few indexed reads, however much it holds."""
    connections, feeds = sights.connections(db), sights.feeds(db)
    targets = alerts.targets(db)
    seen = [
        *_connections(db, connections),
        *_held(db, connections),
        *_lanes(db, connections, now, pace),
        *_failing(db, connections, now, pace),
        *_feeds(db, feeds, now, pace),
        *_polls(db, feeds),
        *_checks(db, connections, feeds),
        *(_target(row) for row in targets if row.failing_since is not None),
    ]
    first: dict[str, Seen] = {}
    for one in seen:
        first.setdefault(one.about, one)
    used = [f"connection/{row.id}" for row in connections.values() if row.state in _IN_USE]
    return Sight(
        seen=tuple(first.values()),
        owners=frozenset(
            [*used, *(f"feed/{id_}" for id_ in feeds), *(row.owner for row in targets)]
        ),
    )


_IN_USE = ("ok", "needs_login")


def _connection(
    row: Owner,
    kind: str,
    what: str,
    remedy: str,
    command: str,
    *,
    part: str = "",
    waiting: int | None = None,
    held: bool = False,
    certain: bool = False,
) -> Seen:
    return Seen(
        about=f"connection/{row.id}/{kind}{part}",
        kind=KINDS[kind],
        team=row.team,
        thing="connection",
        name=row.name,
        what=what,
        remedy=remedy,
        command=command,
        waiting=waiting,
        held=held,
        certain=certain,
    )


def _connections(db: Database, rows: dict[int, Owner]) -> Iterator[Seen]:
    for row in rows.values():
        if row.state == "needs_login":
            yield _connection(
                row,
                "needs_login",
                scrubbed(row.problem or "The CRM no longer accepts the login."),
                "Log in again, as any user of the same account. Nothing is lost meanwhile.",
                _login_command(row),
                waiting=sights.waiting(db, row.id),
            )
        elif row.state == "ok" and row.cause == "hangs":
            yield _connection(
                row,
                "hangs",
                "A plugin has not answered for long; the connection's lane is set aside.",
                "Update or remove the plugin that `crmwire status` names, then restart crmwire.",
                "crmwire status",
                waiting=sights.waiting(db, row.id),
            )
        elif row.state == "ok" and row.cause == "vault":
            yield _connection(
                row,
                "vault",
                "The connection's secrets cannot be decrypted with the keys that are there.",
                "Put the key back, or restore the backup that belongs to it.",
                f"crmwire check {row.name}",
                waiting=sights.waiting(db, row.id),
            )
        elif row.state == "ok" and row.problem is not None:
            yield _connection(
                row,
                "plugin",
                "A plugin failed; nothing is carried to this connection until it works.",
                "Update or remove the plugin that `crmwire status` names.",
                "crmwire status",
                waiting=sights.waiting(db, row.id),
            )


def _login_command(row: Owner) -> str:
    way = "connection add" if row.static else "connect"
    return f"crmwire {way} {row.plugin} --name {row.name}"


def _held(db: Database, rows: dict[int, Owner]) -> Iterator[Seen]:
    counts: dict[tuple[int, str], dict[str, int]] = {}
    for connection, failure, code, count in sights.held(db):
        if connection in rows:
            codes = counts.setdefault((connection, failure), {})
            name = code_of(code)
            codes[name] = codes.get(name, 0) + count
    for (connection, failure), codes in counts.items():
        if len(codes) > MOST_CODES:
            codes = {"": sum(codes.values())}
        for code, count in codes.items():
            row = rows[connection]
            named = f" (code {code})" if code else ""
            filters = f" --failure {failure}" if failure else ""
            yield _connection(
                row,
                "not_allowed" if failure == "not_allowed" else "held",
                f"{_HELD.get(failure, failure)}{named}",
                impersonal(*sights.example(db, connection, failure, code)) or _LOOK,
                f"crmwire deliveries --state held --connection {row.name}{filters}",
                part=f"/{failure}/{code}",
                waiting=count,
                held=True,
            )


def _lanes(db: Database, rows: dict[int, Owner], now: float, pace: Pace) -> Iterator[Seen]:
    lanes = sights.paused(db, now)
    for row in rows.values():
        until, reason, code = lanes.get(row.lane, (0.0, "", ""))
        if until <= now or row.state != "ok":
            continue
        waiting = sights.waiting(db, row.id)
        if not waiting:
            continue
        kind = "limit" if _is_limit(code) else "vendor_down"
        remedy = (
            "It goes on by itself when the limit is renewed; set `budget_share` or buy more calls."
            if kind == "limit"
            else "It goes on by itself; look at the vendor's status page."
        )
        yield _connection(
            row,
            kind,
            scrubbed(reason),
            remedy,
            "crmwire status",
            waiting=waiting,
            certain=until - now >= pace.patience(KINDS[kind]),
        )


def _is_limit(code: str) -> bool:
    return code == USED_UP or "429" in code or "LIMIT" in code.upper()


def _failing(db: Database, rows: dict[int, Owner], now: float, pace: Pace) -> Iterator[Seen]:
    for connection, count, _ in sights.failing(db, now - FAILING_FOR * pace.scale):
        row = rows.get(connection)
        if row is not None and row.state == "ok":
            yield _connection(
                row,
                "vendor_down",
                "Deliveries fail again and again, and are tried again.",
                "It goes on by itself; look at the vendor's status page.",
                f"crmwire deliveries --state ready --connection {row.name} --failure retry_later",
                waiting=count,
                certain=True,
            )


def _feeds(db: Database, feeds: dict[int, Owner], now: float, pace: Pace) -> Iterator[Seen]:
    for id_, (count, full) in sights.unreadable(db, now - DAY * pace.scale).items():
        row = feeds.get(id_)
        if row is not None:
            yield Seen(
                about=f"feed/{id_}/unreadable",
                kind=KINDS["unreadable"],
                team=row.team,
                thing="feed",
                name=row.name,
                what="So many webhooks could not be read that no more are kept: they are refused."
                if full
                else f"{count} signed webhooks could not be read within a day; they are kept."
                if count > 1
                else "A signed webhook could not be read; it is kept.",
                remedy="See `crmwire webhooks` for what is wrong with them.",
                command="crmwire status",
            )
    for id_, count in sights.refused(db, now - DAY * pace.scale).items():
        row = feeds.get(id_)
        if row is not None:
            yield Seen(
                about=f"feed/{id_}/refused",
                kind=KINDS["refused"],
                team=row.team,
                thing="feed",
                name=row.name,
                what=f"{count} webhooks had a wrong, old or missing signature and were not taken."
                if count > 1
                else "A webhook had a wrong, old or missing signature and was not taken.",
                remedy="Give the feed the secret that the source signs with; check the clock. "
                "Bookings of this feed are missing until then.",
                command=f"crmwire feed add {row.name} --source {row.plugin}",
            )


def _polls(db: Database, feeds: dict[int, Owner]) -> Iterator[Seen]:
    """Feeds whose source does not tell; what comes by itself again is waited for."""
    for id_, poll in polls.rows(db).items():
        row = feeds.get(id_)
        if row is None or poll.failure is None:
            continue
        lasts = poll.failure != "retry_later"
        yield Seen(
            about=f"feed/{id_}/poll",
            kind=KINDS["poll"],
            team=row.team,
            thing="feed",
            name=row.name,
            what="Its plugin failed."
            if poll.failure == "plugin_broken"  # its message may hold anything
            else scrubbed(poll.problem or "Its source does not tell what happened."),
            remedy=scrubbed(poll.remedy or "")
            or ("Look at its settings." if lasts else "It is asked again; nothing is lost."),
            command=f"crmwire check {row.name}",
            certain=lasts,
        )


def _checks(db: Database, connections: dict[int, Owner], feeds: dict[int, Owner]) -> Iterator[Seen]:
    for owner, state, errors in checks.failed_checks(db):
        thing, _, number = owner.partition("/")
        row = (connections if thing == "connection" else feeds).get(int(number))
        if row is None or (thing == "connection" and row.state != "ok"):
            continue
        kind = KINDS["vault" if state == "vault" else "check"]
        yield Seen(
            about=f"{owner}/{kind.key}",
            kind=kind,
            team=row.team,
            thing=thing,
            name=row.name,
            what=f"The last check found {errors} errors."
            if errors > 1
            else "The last check found an error.",
            remedy="Each is told with its remedy by the command.",
            command=f"crmwire check {row.name}",
        )


def _target(row: alerts.TargetRow) -> Seen:
    return Seen(
        about=f"alert/{row.id}/alerts",
        kind=KINDS["alerts"],
        team=row.team if row.team != alerts.EVERY_TEAM else "",
        thing="alert",
        name=row.name,
        what="Messages could not be delivered there; they are tried again.",
        remedy="Give the alert an address that works.",
        command=f"crmwire alert test {row.name}",
    )
