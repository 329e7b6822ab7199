"""Repairs by a person: try again, choose a record, give up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmwire.cli.daemon import running_daemon
from crmwire.cli.failing import FAILED
from crmwire.cli.filtering import filter_options, row_data, show_rows, wanted
from crmwire.cli.output import plural, print_json, say
from crmwire.cli.state import State, pass_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmwire.app import App

_ids = click.argument("ids", metavar="[ID]...", nargs=-1, type=int)


@click.command()
@_ids
@click.option("--held", is_flag=True, help="All that are held, as far as the filters say.")
@filter_options
@click.option("--dry-run", is_flag=True, help="Only list what would be tried again.")
@click.option("--again", is_flag=True, help="Write delivered ones once more, too.")
@click.option(
    "--use", metavar="RECORD", help="The record that is meant, as ID or Type/ID; `new` if none is."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
@click.pass_context
def retry(
    ctx: click.Context,
    state: State,
    ids: tuple[int, ...],
    held: bool,
    connection: str | None,
    route: str | None,
    reason: str | None,
    failure: str | None,
    dry_run: bool,
    again: bool,
    use: str | None,
    as_json: bool,
) -> None:
    """Try deliveries again: some, or all that are held.

    With --use, every held delivery of the same person is resolved with that record. Where crmwire
    asks whether a record was made since a backup that was put back, `--use new` makes one.
    """
    filters = (connection, route, reason, failure)
    if held == bool(ids):
        raise click.UsageError("Give the ids of deliveries, or --held.", ctx)
    if ids and any(one is not None for one in filters):
        raise click.UsageError("The filters go with --held.", ctx)
    with state.app() as app:
        if held:
            chosen = wanted(
                app,
                states=("held",),
                connection=connection,
                route=route,
                reason=reason,
                failure=failure,
            )
            wanted_ids = app.store.matching_ids(chosen)
        else:
            wanted_ids = list(dict.fromkeys(ids))
        rows = [app.delivery(one).row for one in wanted_ids] if ids or dry_run else []
        if dry_run:
            if as_json:
                print_json({"would_retry": [row_data(row) for row in rows]})
            else:
                show_rows(rows)
                say(f"{plural(len(rows), 'delivery')} would be tried again.")
            return
        done = app.retry(wanted_ids, again=again, use=use)
        running = running_daemon(app.home) is not None
        left = _left(app, wanted_ids, done)
    if as_json:
        print_json({"retried": done, "left": left})
    else:
        verb = "is" if len(done) == 1 else "are"
        say(f"{plural(len(done), 'delivery')} {verb} ready again.")
        for one, its_state in left.items():
            more = "; --again writes it once more" if its_state == "delivered" else ""
            say(f"Delivery {one} is {its_state}{more}.")
        if done and not running:
            say("No daemon runs on this data folder: `crmwire serve` carries them.")
    if left:
        ctx.exit(FAILED)


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=int)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
@click.pass_context
def dismiss(ctx: click.Context, state: State, ids: tuple[int, ...], as_json: bool) -> None:
    """Give up held or waiting deliveries for good."""
    with state.app() as app:
        done = app.dismiss(list(dict.fromkeys(ids)))
        left = _left(app, ids, done)
    if as_json:
        print_json({"dismissed": done, "left": left})
    else:
        verb = "was" if len(done) == 1 else "were"
        say(f"{plural(len(done), 'delivery')} {verb} dismissed.")
        for one, its_state in left.items():
            say(f"Delivery {one} is {its_state}.")
    if left:
        ctx.exit(FAILED)


def _left(app: App, asked: Sequence[int], done: Sequence[int]) -> dict[int, str]:
    """Those that were asked for and not changed, with their states."""
    changed = set(done)
    return {one: app.delivery(one).row.state for one in asked if one not in changed}
