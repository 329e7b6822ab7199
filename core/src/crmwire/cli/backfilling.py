"""Past bookings carried over a route: from the source's own list, or from a file."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crmwire.cli.daemon import running_daemon
from crmwire.cli.failing import FAILED
from crmwire.cli.output import note, plural, print_json, say
from crmwire.cli.state import State, pass_state

if TYPE_CHECKING:
    from crmwire.app import App
    from crmwire.backfilling import Past, Standing
    from crmwire.store import RouteRow

FATES = {
    "carried": "to carry",
    "known": "carried before",
    "early": "before --since",
    "elsewhere": "of other pages or routes",
    "ignored": "nothing that crmwire carries",
}


@click.command()
@click.argument("route")
@click.option(
    "--since",
    required=True,
    metavar="DATE",
    help="Carry what was booked at or after this (2026-01-31, or with a time); the route's own"
    " `since` does not count.",
)
@click.option(
    "--file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A CSV or NDJSON file of bookings, instead of the source's own list.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what would be carried.")
@click.option(
    "--adopt",
    is_flag=True,
    help="Link an activity of the same person and start that another tool made.",
)
@click.option("--again", is_flag=True, help="Begin anew instead of going on where it stopped.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
@click.pass_context
def backfill(
    ctx: click.Context,
    state: State,
    route: str,
    since: str,
    file: Path | None,
    dry_run: bool,
    adopt: bool,
    again: bool,
    as_json: bool,
) -> None:
    """Carry past bookings over a route.

    They go the way of all others, so nobody is doubled, and at most a few hundred wait at a
    time, so that what is booked now is not held up. Stopped or killed, the same command goes on
    where it was. Without a daemon on the data folder it carries them itself. Exit status 1 if
    some were held.
    """
    from crmwire.app import parse_since
    from crmwire.backfilling import past_of

    with state.app() as app:
        row = app.store.route(route)
        moment = parse_since(since)
        past = past_of(app.openings.source(app.store.feed(row.feed)), file)
        if dry_run:
            _rehearse(app, row, past, moment, as_json)
            return
        app.store.note(app.clock.now(), "ingested", "route", route, since=moment.isoformat())
        with _carrier(app) as wake:
            standing = _run(app, row, past, moment, adopt=adopt, again=again, wake=wake)
    _tell(standing, route, as_json)
    if standing.states.get("held"):
        ctx.exit(FAILED)


def _rehearse(app: App, row: RouteRow, past: Past, since: datetime, as_json: bool) -> None:
    from crmwire.backfilling.running import rehearsed

    counts: Counter[str] = Counter()
    for some in rehearsed(app, row, past, since):
        counts += some
    if as_json:
        print_json({"dry_run": True, "listed": counts.total(), "counts": dict(counts)})
        return
    say(f"{plural(counts.total(), 'event')} listed; nothing was changed.")
    _say_counts(counts)


@contextlib.contextmanager
def _carrier(app: App) -> Iterator[Any]:
    """What carries the deliveries: the daemon of the data folder, or this command itself."""
    if running_daemon(app.home) is not None:
        yield lambda lanes: None  # its sweep sees them within a second
        return
    from crmwire import home as homes
    from crmwire.runner import Daemon, terminable

    with homes.exclusive(app.home), terminable():
        daemon = Daemon(app)
        daemon.start()
        try:
            yield daemon.engine.wake
        finally:
            daemon.stop()


def _run(
    app: App,
    row: RouteRow,
    past: Past,
    since: datetime,
    *,
    adopt: bool,
    again: bool,
    wake: Any,
) -> Standing:
    from crmwire.backfilling import Backfill

    running = Backfill(app, row, past, since, adopt=adopt, again=again, wake=wake)
    if running.row.listed:
        note(f"Going on after {plural(running.row.listed, 'event')} listed before.")
    standing = running.standing()
    with _bar() as show:
        for standing in running.steps():
            show(standing)
    return standing


@contextlib.contextmanager
def _bar() -> Iterator[Any]:
    """A bar on standard error if that is a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield lambda standing: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task("Carried", total=None, note="")

        def show(standing: Standing) -> None:
            to_do = standing.counts.get("carried", 0)
            total = standing.total or (standing.listed if standing.listed_all else None)
            done = standing.listed - to_do + (to_do - standing.waiting)
            said = standing.note or f"{standing.waiting} waiting"
            progress.update(task, total=total, completed=done, note=said)

        yield show


def _tell(standing: Standing, route: str, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "dry_run": False,
                "listed": standing.listed,
                "counts": dict(standing.counts),
                "deliveries": dict(standing.states),
            }
        )
        return
    say(f"{plural(standing.listed, 'event')} listed.")
    _say_counts(standing.counts)
    for name in ("delivered", "skipped", "held", "dismissed"):
        if standing.states.get(name):
            say(f"  {standing.states[name]} {name}")
    if standing.states.get("held"):
        say(f"See `crmwire deliveries --state held --route {route}`.")


def _say_counts(counts: Any) -> None:
    for name, told in FATES.items():
        if counts.get(name):
            say(f"  {counts[name]} {told}")
