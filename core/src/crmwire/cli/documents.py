"""A team's set-up as one TOML document: applied and exported."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING

import click

from crmwire.cli.checking import as_data, show_checked
from crmwire.cli.output import print_json, say
from crmwire.cli.state import State, pass_state
from crmwire.errors import ConfigurationError

if TYPE_CHECKING:
    from crmwire.app import App
    from crmwire.documents import Comparison

_SIGNS = {"add": "+", "change": "~", "remove": "-"}


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--prune", is_flag=True, help="Remove what the document leaves out.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-check", is_flag=True, help="Do not ask the CRMs whether all fits.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and do not ask.")
@pass_state
def apply(
    state: State,
    file: IO[bytes],
    prune: bool,
    dry_run: bool,
    yes: bool,
    no_check: bool,
    as_json: bool,
) -> None:
    """Bring a team's set-up to what a document says.

    All that differs is printed first; in a terminal you are asked. Applying the same document
    twice changes nothing. Secrets stand in it as references: env:VARIABLE or vault:feed/NAME.
    Connections that were touched are then checked, which changes no exit status.
    """
    from crmwire.documents import compared, parsed

    name = getattr(file, "name", "<stdin>")
    where = "standard input" if name == "<stdin>" else str(name)
    try:
        text = file.read().decode()
    except UnicodeDecodeError:
        raise ConfigurationError(f"{where} is not a text in UTF-8.") from None
    document = parsed(text, where)
    with state.app() as app:
        comparison = compared(app, document, where, prune=prune)
        if not as_json:
            _show(comparison)
        if comparison.changes and not dry_run:
            if not (yes or as_json) and sys.stdin.isatty():
                click.confirm("Apply this?", abort=True, err=True)
            comparison.carry_out()
            app.store.note(
                app.clock.now(),
                "applied",
                "team",
                comparison.team,
                changes=[f"{one.action} {one.kind} {one.name}" for one in comparison.changes],
            )
        added = {one.name for one in comparison.changes if one.kind == "feed"}
        paths = {
            row.name: None if app.feed_is_polled(row) else app.feed_address(row)
            for row in app.store.feeds()
            if row.name in added
        }
        applied = bool(comparison.changes) and not dry_run
        checks = (
            [app.check(one) for one in _touched(app, comparison)]
            if applied and not no_check
            else []
        )
    if as_json:
        changes = [
            {"action": one.action, "kind": one.kind, "name": one.name, "details": one.details}
            for one in comparison.changes
        ]
        print_json(
            {
                "team": comparison.team,
                "applied": applied,
                "changes": changes,
                "checks": [as_data(one) for one in checks],
            }
        )
        return
    if applied:
        say("Applied.")
        for name, path in paths.items():
            if path is None:
                say(f"The feed {name} is asked by the daemon. Try it with `crmwire check {name}`.")
            else:
                say(f"The feed {name} takes webhooks at {path}")
    for one in checks:
        show_checked(one)


def _touched(app: App, comparison: Comparison) -> list[str]:
    """The connections that changed, or whose routes did."""
    names = {(one.kind, one.name) for one in comparison.changes if one.action != "remove"}
    of_routes = {row.connection for row in app.store.routes() if ("route", row.name) in names}
    return [
        row.name
        for row in app.store.connections()
        if row.name in of_routes or ("connection", row.name) in names
    ]


def _show(comparison: Comparison) -> None:
    for change in comparison.changes:
        first = change.details[0] if change.action == "add" and change.details else ""
        line = f"{_SIGNS[change.action]} {change.kind} {change.name}"
        say(f"{line} ({first})" if first else line)
        if not first:
            for detail in change.details:
                say(f"    {detail}")
    if comparison.kept:
        say(f"Not in the document, and kept without --prune: {', '.join(comparison.kept)}.")
    if not comparison.changes:
        say("Nothing to change.")


@click.command()
@click.option("--team", help="Whose set-up (needed if there are several teams).")
@pass_state
def export(state: State, team: str | None) -> None:
    """Print a team's set-up as such a document.

    It has the form that `apply` reads. Secrets are printed as references, never as values.
    """
    from crmwire.documents import exported, teams

    with state.app() as app:
        known = teams(app)
        if team is None and len(known) > 1:
            raise ConfigurationError(
                "There are several teams.", remedy=f"Choose with --team: {', '.join(known)}."
            )
        if team is not None and team not in known:
            raise ConfigurationError(
                f"The team {team!r} has nothing.",
                remedy=f"There are: {', '.join(known)}." if known else "Nothing is set up yet.",
            )
        text = exported(app, team or (known[0] if known else "default"))
    click.echo(text, nl=False)
