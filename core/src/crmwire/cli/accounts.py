"""A CRM account seen from here: the fields it has, and what may be set up in it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
import click

from crmwire.cli.failing import FAILED
from crmwire.cli.output import print_json, print_table, say
from crmwire.cli.questions import tell_questions
from crmwire.cli.state import State, pass_state
from crmwire.errors import UnknownName

if TYPE_CHECKING:
    from crmwire.app import App
    from crmwire.connections import Connection
    from crmwire.mapping import Mapping
    from crmwire.types import SetupStep

_STATES = {"done": "done", "todo": "to do", "impossible": "not possible"}


@click.command()
@click.argument("name")
@click.argument("type_or_page", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def fields(state: State, name: str, type_or_page: str | None, as_json: bool) -> None:
    """List what a mapping can write, or what it can be written from.

    NAME is a connection, with a TYPE of the CRM's objects: its fields as the connected user sees
    them, by group; a field that is not listed is not there, or hidden from that user. Or NAME is
    a feed, with a PAGE if only one is wanted: the questions that guests answered there.
    """
    with state.app() as app:
        feeds = {row.name: row for row in app.store.feeds()}
        connections = {row.name for row in app.store.connections()}
        if name in feeds and name not in connections:
            tell_questions(app.store, feeds[name], type_or_page, as_json)
            return
        if name not in connections:
            there = ", ".join([*sorted(connections), *sorted(feeds)])
            raise UnknownName(
                f"There is no connection or feed {name!r}.",
                remedy=f"There are: {there}." if there else "Nothing is set up yet.",
            )
        conn = app.openings.connection(app.store.connection(name))
        known = ", ".join(sorted(conn.info.object_types))
        object_type = type_or_page or ""
        if name in feeds and object_type not in conn.info.object_types:
            tell_questions(app.store, feeds[name], type_or_page, as_json)
            return
        if type_or_page is None:
            raise UnknownName(
                f"Say of which type of {conn.info.title}'s objects.", remedy=f"It knows: {known}."
            )
        found = conn.hooks.list_fields(object_type)
    if found is None:
        raise UnknownName(f"The plugin for {conn.info.title} cannot list fields.")
    if not found:
        raise UnknownName(
            f"{conn.info.title} lists no fields of {object_type!r}.", remedy=f"It knows: {known}."
        )
    usable = sorted((one for one in found if one.writable), key=lambda one: (one.group, one.name))
    if as_json:
        print_json([attrs.asdict(one) for one in usable])
        return
    rows = [
        (
            one.group,
            one.name,
            one.label,
            one.type,
            str(one.length or ""),
            "required" if one.required else "",
            ", ".join(one.options[:6]) + (" …" if len(one.options) > 6 else ""),
        )
        for one in usable
    ]
    print_table(("group", "field", "label", "type", "length", "", "options"), rows)


@click.command()
@click.argument("connection")
@click.option("--yes", is_flag=True, help="Do every step without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; asks nothing.")
@pass_state
@click.pass_context
def setup(ctx: click.Context, state: State, connection: str, yes: bool, as_json: bool) -> None:
    """Set up what a connection's mappings can use in the CRM account.

    Each step changes the account, so each is asked for; without a terminal and without --yes
    the steps are only told.
    """
    with state.app() as app:
        conn = app.openings.connection(app.store.connection(connection))
        mappings = _mappings(app, connection)
        steps: dict[str, SetupStep] = {}
        for mapping in mappings:
            steps |= {step.id: step for step in conn.hooks.set_up(mapping)}
            wanted = [
                step.id
                for step in steps.values()
                if step.state == "todo" and (yes or (not as_json and _asked(step)))
            ]
            if wanted:
                steps |= {step.id: step for step in conn.hooks.set_up(mapping, wanted)}
                done = [one for one in wanted if steps[one].state == "done"]
                now = app.clock.now()
                app.store.note(now, "changed", "connection", connection, set_up_in_crm=done)
    _tell(list(steps.values()), conn, as_json)
    if any(step.state == "impossible" for step in steps.values()):
        ctx.exit(FAILED)


def _mappings(app: App, connection: str) -> Sequence[Mapping | None]:
    routes = [row for row in app.store.routes() if row.connection == connection]
    return [app.openings.mapping(row) for row in routes] or [None]


def _asked(step: SetupStep) -> bool:
    if not sys.stdin.isatty():
        return False
    say(f"{step.title}: {step.detail}")
    return click.confirm("Do it?", default=False)


def _tell(steps: Sequence[SetupStep], conn: Connection, as_json: bool) -> None:
    if as_json:
        print_json([attrs.asdict(step) for step in steps])
        return
    if not steps:
        say(f"There is nothing to set up for {conn.name}.")
    for step in steps:
        say(f"{_STATES[step.state]}: {step.title}. {step.detail}")
        if step.remedy:
            say(f"  {step.remedy}")
