"""Alerts: who is told when something is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crmwire.cli.failing import FAILED
from crmwire.cli.output import iso, note, print_json, print_table, say
from crmwire.cli.reading import read_secret
from crmwire.cli.state import State, pass_state
from crmwire.errors import ConfigurationError

if TYPE_CHECKING:
    from crmwire.app import App
    from crmwire.store.alerts import TargetRow

_EVERY_TEAM = "*"


@click.group()
def alert() -> None:
    """Set who is told when something is wrong."""


@alert.command("add")
@click.argument("name")
@click.option("--webhook", is_flag=True, help="The address is a URL that signed JSON is sent to.")
@click.option("--team", help="The team whose troubles are told (default: default).")
@click.option("--every-team", is_flag=True, help="Tell the troubles of all teams.")
@click.option(
    "--digest",
    type=click.Choice(["daily", "weekly", "off"]),
    help="How often all that is still wrong is told (default: daily).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def alert_add(
    state: State,
    name: str,
    webhook: bool,
    team: str | None,
    every_team: bool,
    digest: Any,
    as_json: bool,
) -> None:
    """Tell a place when something goes wrong, and when it works again.

    The address is read from standard input, or asked for in a terminal, since it may hold a
    password: one of apprise's, such as mailto://user:password@example.com or slack://…, or with
    --webhook an https URL. The name of an alert that is there replaces its address.
    """
    if every_team and team is not None:
        raise click.UsageError("Give --team or --every-team, not both.")
    chosen = _EVERY_TEAM if every_team else team
    kind = "webhook" if webhook else "apprise"
    with state.app() as app:
        known = _known(app, name, kind, chosen)
        address = read_secret(f"address of {name}")
        if known is None:
            row = app.add_alert(
                name,
                address=address,
                kind="webhook" if webhook else "apprise",
                team=chosen or "default",
                digest=digest or "daily",
            )
        else:
            row = app.change_alert(name, address=address, digest=digest)
        secret = app.alert_secret(name) if known is None else None
    if as_json:
        print_json({**_data(row), "replaced": known is not None, "secret": secret})
        return
    if known is not None:
        say(f"The alert {name} has a new address. Try it with `crmwire alert test {name}`.")
        return
    say(f"The alert {name} goes to {row.service}. Try it with `crmwire alert test {name}`.")
    if secret is not None:
        say(f"Its messages are signed as Standard Webhooks says, with {secret}")


def _known(app: App, name: str, kind: str, team: str | None) -> TargetRow | None:
    for row in app.alerts():
        if row.name == name:
            if row.kind != kind or team not in (None, row.team):
                raise ConfigurationError(
                    f"There is an alert {name!r} already, of another kind or team.",
                    remedy=f"Use another name, or `crmwire alert remove {name}` first.",
                )
            return row
    return None


@alert.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def alert_list(state: State, as_json: bool) -> None:
    """List the alerts, and whether messages arrive there."""
    with state.app() as app:
        rows = app.alerts()
    if as_json:
        print_json([_data(row) for row in rows])
    elif not rows:
        say("Nobody is told when something goes wrong: `crmwire alert add`.")
    else:
        print_table(
            ("NAME", "TEAM", "TO", "DIGEST", "STATE"),
            [
                (
                    row.name,
                    "all" if row.team == _EVERY_TEAM else row.team,
                    row.service,
                    row.digest,
                    "ok" if row.problem is None else f"does not arrive: {row.problem}",
                )
                for row in rows
            ],
        )


@alert.command("remove")
@click.argument("name")
@pass_state
def alert_remove(state: State, name: str) -> None:
    """Tell a place no more."""
    with state.app() as app:
        app.remove_alert(name)
    say(f"The alert {name} was removed.")


@alert.command("test")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
@click.pass_context
def alert_test(ctx: click.Context, state: State, name: str | None, as_json: bool) -> None:
    """Send a message that nothing is wrong, and wait for it.

    Without NAME to all. Exit status 1 if one does not arrive.
    """
    with state.app() as app:
        names = [row.name for row in app.alerts()] if name is None else [name]
        problems = {one: app.test_alert(one) for one in names}
    if as_json:
        print_json([{"name": one, "problem": problem} for one, problem in problems.items()])
    elif not names:
        note("There is no alert yet: `crmwire alert add`.")
    else:
        for one, problem in problems.items():
            say(f"{one}: {'it was sent' if problem is None else problem}")
        if wrong := [one for one, problem in problems.items() if problem is not None]:
            say(f"Is the address right? `crmwire alert add {wrong[0]}` replaces it.")
    if any(problems.values()):
        ctx.exit(FAILED)


@alert.command("secret")
@click.argument("name")
@pass_state
def alert_secret(state: State, name: str) -> None:
    """Print what a webhook's messages are signed with, for whoever receives them."""
    with state.app() as app:
        secret = app.alert_secret(name)
    if secret is None:
        raise ConfigurationError(f"The alert {name} is no webhook: nothing of it is signed.")
    say(secret)


def _data(row: TargetRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "team": None if row.team == _EVERY_TEAM else row.team,
        "kind": row.kind,
        "service": row.service,
        "digest": row.digest,
        "problem": row.problem,
        "failing_since": iso(row.failing_since),
    }
