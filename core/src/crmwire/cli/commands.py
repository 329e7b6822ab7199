"""The root command and all that stand below it."""

from __future__ import annotations

from pathlib import Path

import click

from crmwire.cli.accounts import fields, setup
from crmwire.cli.alerting import alert
from crmwire.cli.auditing import audit
from crmwire.cli.backfilling import backfill
from crmwire.cli.backups import backup, restore
from crmwire.cli.checking import check
from crmwire.cli.connecting import connect, disconnect
from crmwire.cli.connections import connection
from crmwire.cli.demonstrating import demo
from crmwire.cli.documents import apply, export
from crmwire.cli.feeds import feed
from crmwire.cli.intake import ingest, preview
from crmwire.cli.keys import keys
from crmwire.cli.plugins import explain, plugins
from crmwire.cli.privacy import forget, retention
from crmwire.cli.repairing import dismiss, retry
from crmwire.cli.root import Root
from crmwire.cli.routes import route
from crmwire.cli.serving import sandbox, serve
from crmwire.cli.standing import status
from crmwire.cli.state import State, pass_state
from crmwire.cli.watching import deliveries, delivery
from crmwire.cli.webhooks import webhooks


@click.group(cls=Root)
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The data folder (default: CRMWIRE_HOME, else the user's data folder).",
)
@click.option("--verbose", is_flag=True, help="Log more, and show where an unexpected error is.")
@click.version_option(package_name="crmwire", message="crmwire %(version)s")
@pass_state
def cli(state: State, home: Path | None, verbose: bool) -> None:
    """Carry bookings and tickets into CRMs: found or created, never doubled.

    Begin with `crmwire demo`. Exit status: 0 done, 1 something failed, 2 wrong input,
    4 the CRM could not be asked (preview), 70 a fault in crmwire, 130 interrupted.
    """
    state.home, state.verbose = home, verbose


for _command in (
    demo,
    plugins,
    feed,
    connect,
    disconnect,
    connection,
    route,
    apply,
    export,
    check,
    fields,
    setup,
    preview,
    ingest,
    backfill,
    serve,
    status,
    deliveries,
    delivery,
    retry,
    dismiss,
    webhooks,
    alert,
    audit,
    keys,
    backup,
    restore,
    forget,
    retention,
    explain,
    sandbox,
):
    cli.add_command(_command)


def main() -> None:
    """The command `crmwire`."""
    cli(prog_name="crmwire")
