"""How all stands: the daemon, and each connection with what waits and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crmwire.cli.daemon import running_daemon
from crmwire.cli.figures import figures, show
from crmwire.cli.output import age, iso, local, print_json, print_table, say
from crmwire.cli.state import State, pass_state

if TYPE_CHECKING:
    from crmwire.app import App


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def status(state: State, as_json: bool) -> None:
    """Tell how all stands.

    Whether the daemon runs, what waits for each connection, what is wrong now, since when, and
    what to do about it.
    """
    from crmwire.alerting.messages import as_data, lines_of

    with state.app() as app:
        running = running_daemon(app.home)
        counted = figures(app.home) if running else None
        found = _connections(app)
        unreadable = app.store.unreadable()
        polled = _polled(app)
        wrong = [one.trouble for one in app.wrong_now() if one.ripe]
        told = bool(app.alerts())
        home = str(app.home)
    if as_json:
        print_json(
            {
                "home": home,
                "daemon": {"running": running is not None, "process": running},
                "connections": [
                    {**one, **{key: iso(one[key]) for key in ("lane_rests_until", "rests_until")}}
                    for one in found
                ],
                "polled_feeds": polled,
                "since_start": counted,
                "wrong_now": [as_data(one) for one in wrong],
                "unreadable_webhooks": [
                    {"id": id_, "feed": feed, "received_at": iso(at), "reason": reason}
                    for id_, feed, at, reason in unreadable
                ],
            }
        )
        return
    say(f"The daemon runs (process {running})." if running else "No daemon runs: `crmwire serve`.")
    say(f"The data is in {home}.")
    if not found:
        say("There is no connection yet: `crmwire connection add`.")
        return
    columns = ("ready", "working", "held", "delivered", "skipped", "dismissed")
    print_table(
        ("CONNECTION", "CRM", *(name.upper() for name in columns), "OLDEST WAITS"),
        [
            (
                one["name"],
                one["crm"],
                *(one["deliveries"][name] for name in columns),
                age(one["oldest_waits_seconds"]) if one["oldest_waits_seconds"] else None,
            )
            for one in found
        ],
    )
    for one in found:
        _show_troubles(one)
    for asked in polled:
        _show_polled(asked)
    for id_, feed, at, reason in unreadable:
        say(f"Webhook {id_} of {feed}, {local(at)}, could not be read: {reason}")
    if unreadable:
        say("`crmwire webhooks` lists them; `crmwire webhooks retry` takes them in again.")
    if counted:
        show(counted)
    if wrong:
        say("Wrong now:" if told else "Wrong now (nobody is told: `crmwire alert add`):")
    for trouble in wrong:
        for line in lines_of(trouble):
            say(f"  {line}")


def _connections(app: App) -> list[dict[str, Any]]:
    now = app.clock.now().timestamp()
    rows = {row.name: row for row in app.store.connections()}
    lanes = app.store.lanes()
    found = []
    for counts in app.counts():
        row = rows[counts.connection]
        until, reason = lanes.get(row.lane, (None, None))
        paused = until is not None and until > now
        rests = row.paused_until is not None and row.paused_until > now
        oldest = counts.oldest_waiting
        found.append(
            {
                "name": row.name,
                "crm": row.crm,
                "team": row.team,
                "lane": row.lane,
                "state": row.state,
                "problem": row.problem,
                "remedy": row.remedy,
                "deliveries": dict(counts.by_state),
                "oldest_waits_seconds": None if oldest is None else round(max(0, now - oldest), 1),
                "lane_rests_until": until if paused else None,
                "lane_rests_because": reason if paused else None,
                "rests_until": row.paused_until if rests else None,
            }
        )
    return found


def _polled(app: App) -> list[dict[str, Any]]:
    """The feeds whose sources are asked, each with how that goes."""
    known = app.store.polls()
    return [
        {
            "name": row.name,
            "asked_at": iso(known[row.id].asked_at),
            "answered_at": iso(known[row.id].answered_at),
            "due_at": iso(known[row.id].due_at),
            "events": known[row.id].told,
            "failure": known[row.id].failure,
            "problem": known[row.id].problem,
            "remedy": known[row.id].remedy,
        }
        for row in app.store.feeds()
        if row.id in known
    ]


def _show_polled(feed: dict[str, Any]) -> None:
    if feed["failure"]:
        why = f"{feed['problem']} {feed['remedy']}".rstrip()
        say(f"{feed['name']}: its source cannot be asked. {why}")
    else:
        say(f"{feed['name']}: asked last {feed['asked_at']}, {feed['events']} events so far")


def _show_troubles(one: dict[str, Any]) -> None:
    name = one["name"]
    if one["state"] not in ("ok", "removed") or one["problem"]:
        state = "needs login." if one["state"] == "needs_login" else ""
        said = (state, one["problem"], one["remedy"])
        say(f"{name}: {' '.join(part for part in said if part)}")
    if one["lane_rests_until"] is not None:
        until = local(one["lane_rests_until"])
        say(f"{name}: its lane rests until {until}: {one['lane_rests_because']}")
    if one["rests_until"] is not None:
        say(f"{name}: it rests until {local(one['rests_until'])}")
    if one["deliveries"]["held"]:
        say(
            f"{name}: {one['deliveries']['held']} held for a person:"
            f" `crmwire deliveries --state held --connection {name}`"
        )
