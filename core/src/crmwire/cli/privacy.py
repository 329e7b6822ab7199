"""Personal data: a person forgotten, and how long payloads are kept."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from crmwire.cli.failing import FAILED
from crmwire.cli.output import note, plural, print_json, say
from crmwire.cli.reading import confirm, read_secret
from crmwire.cli.state import State, pass_state
from crmwire.errors import ConfigurationError

if TYPE_CHECKING:
    from crmwire.forgetting import Forgotten


@click.command()
@click.argument("email")
@click.option("--dry-run", is_flag=True, help="Only tell how much would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
@click.pass_context
def forget(
    ctx: click.Context, state: State, email: str, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Remove a person from all that crmwire keeps.

    EMAIL is their address; - reads it from standard input. Bookings and tickets that are theirs
    leave only hashed ids, so that no late webhook revives them; what waits for them is given up.
    Records in the CRMs stay: they are listed. Works beside a running daemon.
    """
    if email == "-":
        email = read_secret("address")
    with state.app() as app:
        if not dry_run:
            if not yes and sys.stdin.isatty():
                _show(app.forget(email, rehearse=True), email)
            confirm("Remove it? This cannot be undone.", yes=yes)
        done = app.forget(email, rehearse=dry_run)
    if as_json:
        print_json(done)
    else:
        _show(done, email)
    if done.busy or not done.clean:
        ctx.exit(FAILED)


def _show(done: Forgotten, email: str) -> None:
    if done.nothing:
        say(f"Nothing of {email} is kept.")
    elif done.rehearsed:
        said = f"{_things(done.subjects)} of {email} would be forgotten"
        say(f"{said}, and they would be taken out of {done.among} of others.")
    else:
        say(
            f"Forgotten: {_things(done.subjects)}, with"
            f" {plural(done.events, 'event')}, {plural(done.deliveries, 'delivery')}"
            f" ({done.waiting} of them waited and were given up) and {plural(done.links, 'link')}."
        )
        if done.among:
            say(f"Taken out of {_things(done.among)} of others.")
        if done.webhooks or done.others:
            say(
                f"Also removed: {plural(done.webhooks, 'unreadable webhook')},"
                f" {plural(done.others, 'other text')}."
            )
    if done.records:
        say("The CRMs' own records stay; delete them there:")
        for connection, type_, record, url in done.records:
            say(f"  {connection}: {type_} {record} {url}".rstrip())
    for place in done.left:
        say(f"The address still stands in what was set up: {place}.")
    if done.busy:
        note(f"{done.busy} are being worked on: run this again in a minute.")
    if not done.clean:
        note("A reader keeps the database's log from being emptied: run this again in a minute.")


def _things(number: int) -> str:
    return "1 booking or ticket" if number == 1 else f"{number} bookings or tickets"


@click.command()
@click.argument("days", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def retention(state: State, days: str | None, as_json: bool) -> None:
    """Tell or set for how many days payloads are kept.

    DAYS is a number, or `off` to keep them as long as the data folder. A running daemon removes
    older ones within the hour: what events told, what was sent, histories and unreadable webhooks.
    That an event was carried, and to which record, stays; what is held waits for a person.
    """
    with state.app() as app:
        if days is not None:
            app.set_retention(_days(days))
        kept = app.retention()
    if as_json:
        print_json({"days": kept})
    elif kept is None:
        say("Payloads are kept as long as the data folder.")
    else:
        say(f"Payloads are kept for {kept} {'day' if kept == 1 else 'days'}.")


def _days(text: str) -> int | None:
    if text == "off":
        return None
    if not text.isascii() or not text.isdigit():
        raise ConfigurationError(
            f"{text!r} is no number of days.", remedy="Write for example 90, or off."
        )
    return int(text)
