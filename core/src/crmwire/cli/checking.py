"""Health: what each connection and feed says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crmwire.cli.failing import FAILED
from crmwire.cli.output import print_json, say
from crmwire.cli.state import State, pass_state
from crmwire.errors import UnknownName

if TYPE_CHECKING:
    from crmwire.app import App, Checked

_SIGNS = {"ok": "ok", "warning": "warning", "error": "ERROR"}


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
@click.pass_context
def check(ctx: click.Context, state: State, name: str | None, as_json: bool) -> None:
    """Check connections, mappings and feeds.

    Each CRM is asked who we are and what we may do, the mappings are held against its fields,
    and sources are asked for their webhooks. NAME is a connection or a feed; without it all are
    checked. Exit status 1 if any has an error. The daemon does the same once a day.
    """
    with state.app() as app:
        results = _checked(app, name)
        told = bool(app.alerts())
    if as_json:
        print_json([as_data(one) for one in results])
    elif not results:
        say("Nothing is set up yet: `crmwire connection add`, `crmwire feed add`.")
    else:
        for one in results:
            show_checked(one)
        if not told and name is None:
            say("Nobody is told when something goes wrong: `crmwire alert add`.")
    if not all(one.ok for one in results):
        ctx.exit(FAILED)


def _checked(app: App, name: str | None) -> list[Checked]:
    connections = [row.name for row in app.store.connections()]
    feeds = [row.name for row in app.store.feeds()]
    if name is not None and name not in (*connections, *feeds):
        there = ", ".join([*connections, *feeds]) or "nothing yet: `crmwire connection add`"
        raise UnknownName(f"There is no connection or feed {name!r}.", remedy=f"There is: {there}.")
    return [
        *(app.check(one) for one in connections if name in (None, one)),
        *(app.check_feed(one) for one in feeds if name in (None, one)),
    ]


def show_checked(one: Checked) -> None:
    """What a check found: who we are, what we may do, each finding with its remedy."""
    who = ""
    if one.report is not None:
        who = f" is {one.report.account_name} ({one.report.account_id})"
        if one.report.user_name or one.report.user_id:
            who += f", as {one.report.user_name or one.report.user_id}"
    say(f"{one.kind} {one.name}{who}: {'fine' if one.ok else 'not fine'}")
    for what, how in one.facts:
        say(f"  {what}: {how}")
    for finding in one.findings:
        said = f"{finding.message} {finding.remedy}".strip()
        subject = "" if finding.subject in ("", one.name) else f"{finding.subject}: "
        say(f"  {_SIGNS[finding.level]}: {subject}{said}")


def as_data(one: Checked) -> dict[str, Any]:
    """A check for programs."""
    report = one.report
    return {
        "name": one.name,
        "kind": one.kind,
        "ok": one.ok,
        "account": {"id": report.account_id, "name": report.account_name} if report else None,
        "user": {"id": report.user_id, "name": report.user_name} if report else None,
        "state": one.state,
        "facts": dict(one.facts),
        "findings": one.findings,
    }
