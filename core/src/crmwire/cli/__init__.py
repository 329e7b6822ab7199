"""The command line. Whatever is heavy is imported inside the command that needs it."""

from __future__ import annotations

from pathlib import Path

import click

from crmwire.cli import (
    checking,
    connections,
    demonstrating,
    documents,
    feeds,
    intake,
    plugins,
    repairing,
    routes,
    serving,
    watching,
)
from crmwire.cli.root import Root
from crmwire.cli.state import State, pass_state

__all__ = ["cli", "main"]


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
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

    Begin with `crmwire demo`. Exit status: 0 done, 1 something failed, 2 wrong input.
    """
    state.home, state.verbose = home, verbose


for _command in (
    demonstrating.demo,
    serving.serve,
    serving.sandbox,
    plugins.plugins,
    plugins.explain,
    feeds.feed,
    connections.connection,
    routes.route,
    documents.apply,
    documents.export,
    checking.check,
    intake.ingest,
    intake.preview,
    watching.deliveries,
    watching.delivery,
    watching.status,
    repairing.retry,
    repairing.dismiss,
):
    cli.add_command(_command)


def main() -> None:
    """The command `crmwire`."""
    cli(prog_name="crmwire")
