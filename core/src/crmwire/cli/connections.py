"""Connections: added, listed, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmwire.cli.feeds import confirm_removal
from crmwire.cli.output import iso, print_json, print_table, say
from crmwire.cli.reading import read_secret, settings, texts
from crmwire.cli.state import State, pass_state
from crmwire.errors import ConfigurationError

if TYPE_CHECKING:
    from crmwire.app import App
    from crmwire.store import ConnectionRow
    from crmwire.store.checks import CheckRow


@click.group()
def connection() -> None:
    """Add, list, remove CRM accounts to write to."""


@connection.command("add")
@click.argument("crm")
@click.option("--name", help="What to call it (default: the CRM's name).")
@click.option("--team", help="The team it belongs to (default: default).")
@click.option("--host", metavar="URL", help="The account's own address, or a sandbox's.")
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="Another setting, such as zone=Europe/London; may be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def connection_add(
    state: State,
    crm: str,
    name: str | None,
    team: str | None,
    host: str | None,
    pairs: tuple[str, ...],
    as_json: bool,
) -> None:
    """Add a connection to a CRM account.

    The token is read from standard input, or asked for in a terminal. The name of a connection
    that is there replaces its token, and the settings that are given.
    """
    name = name or crm
    chosen = settings(pairs, "--set")
    if "api_version" in chosen:
        # A version such as 62.0 is a text, though it looks like a number.
        chosen["api_version"] = texts(pairs, "--set")["api_version"].strip("\"'")
    if host:
        chosen["host"] = host
    with state.app() as app:
        app.discovery.find("crm", crm).load()
        known = _known(app, name, crm, team)
        conn = app.openings.trial(name, crm, {**(known.settings if known else {}), **chosen})
        conn.close()  # what is wrong with the settings is told before the token is asked for
        token = read_secret(f"token of {name}", ascii_only=True)
        if known is None:
            app.add_connection(name, crm=crm, token=token, team=team or "default", settings=chosen)
        else:
            if chosen:
                app.change_connection(name, settings={**known.settings, **chosen})
            app.set_token(name, token)
    if as_json:
        print_json({"name": name, "crm": crm, "replaced": known is not None})
    elif known is None:
        say(f"The connection {name} was added. Try it with `crmwire check {name}`.")
    else:
        say(f"The connection {name} has a new token. Try it with `crmwire check {name}`.")


def _known(app: App, name: str, crm: str, team: str | None) -> ConnectionRow | None:
    """The connection of that name, if there is one to the same CRM and of the same team."""
    for row in app.store.connections():
        if row.name == name:
            if row.crm != crm or team not in (None, row.team):
                raise ConfigurationError(
                    f"There is a connection {name!r} already, to {row.crm} for team {row.team}.",
                    remedy=f"Use another name, or `crmwire connection remove {name}` first.",
                )
            return row
    return None


@connection.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def connection_list(state: State, as_json: bool) -> None:
    """List the connections, each with its account as the last check saw it."""
    with state.app() as app:
        rows = app.store.connections()
        checks = app.last_checks()
    if as_json:
        print_json(
            [
                {
                    "name": row.name,
                    "crm": row.crm,
                    "team": row.team,
                    "account": row.report.account_name if row.report else None,
                    "account_id": row.report.account_id if row.report else None,
                    "user": row.report.user_name if row.report else None,
                    "state": row.state,
                    "problem": row.problem,
                    "remedy": row.remedy,
                    "checked_at": iso(check.checked_at) if check else None,
                    "check": check.state if check else None,
                    "settings": row.settings,
                }
                for row in rows
                for check in (checks.get(row.owner),)
            ]
        )
    elif not rows:
        say("There is no connection yet: `crmwire connection add`.")
    else:
        print_table(
            ("NAME", "CRM", "TEAM", "ACCOUNT", "STATE"),
            [
                (
                    row.name,
                    row.crm,
                    row.team,
                    row.report.account_name if row.report else "not checked yet",
                    _standing(row, checks.get(row.owner)),
                )
                for row in rows
            ],
        )


def _standing(row: ConnectionRow, check: CheckRow | None) -> str:
    """How a connection is, in a few words: never `ok` where the last check or call failed."""
    if row.problem is not None:
        return f"{row.state if row.state != 'ok' else 'failing'}: {row.problem}"
    if row.state == "ok" and check is not None and check.state not in ("ok", "warning"):
        errors = [one["message"] for one in check.findings if one.get("level") == "error"]
        return f"not fine: {errors[0]}" if errors else "not fine"
    return row.state


@connection.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_state
def connection_remove(state: State, name: str, yes: bool) -> None:
    """Remove a connection with its token and routes; the CRM's records stay."""
    with state.app() as app:
        app.store.connection(name)
        routes = [row.name for row in app.store.routes() if row.connection == name]
        confirm_removal("connection", name, routes, yes=yes)
        app.remove_connection(name)
    say(f"The connection {name} was removed. Its records in the CRM stay as they are.")
