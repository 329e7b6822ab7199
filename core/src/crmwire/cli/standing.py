"""How all stands: the daemon, and each connection with what waits and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crmwire.cli.daemon import running_daemon
from crmwire.cli.output import age, iso, local, print_json, print_table, say
from crmwire.cli.state import State, pass_state

if TYPE_CHECKING:
    from crmwire.app import App


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def status(state: State, as_json: bool) -> None:
    """Tell how all stands.

    Whether the daemon runs, and for each connection what waits and what is wrong.
    """
    with state.app() as app:
        running = running_daemon(app.home)
        found = _connections(app)
        unreadable = app.store.unreadable()
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
    for id_, feed, at, reason in unreadable:
        say(f"Webhook {id_} of {feed}, {local(at)}, could not be read: {reason}")


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


def _show_troubles(one: dict[str, Any]) -> None:
    name = one["name"]
    if one["state"] not in ("ok", "removed"):
        say(f"{name}: {one['state'].replace('_', ' ')}")
    if one["problem"]:
        say(f"{name}: {one['problem']} {one['remedy'] or ''}".rstrip())
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
