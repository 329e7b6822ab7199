"""The demonstration."""

from __future__ import annotations

import sys

import click

from crmwire.cli.state import State, pass_state


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and do not wait.")
@click.option("--keep", is_flag=True, help="Keep all running at the end, also without a terminal.")
@pass_state
@click.pass_context
def demo(ctx: click.Context, state: State, as_json: bool, keep: bool) -> None:
    """Show a booking on its way into every CRM.

    A sandbox of each CRM that is installed and the daemon are started. Nothing of yours is
    touched: the data folder is a temporary one.
    """
    from importlib import import_module

    state.configure_logs()
    wait = keep or (not as_json and sys.stdin.isatty() and sys.stdout.isatty())
    # By name: the demonstration stands beside the command line, not below it.
    ctx.exit(import_module("crmwire.demo").run_demo(json=as_json, wait=wait))
