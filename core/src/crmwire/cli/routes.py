"""Routes: added, listed, shown, removed."""

from __future__ import annotations

import click

from crmwire.cli.output import iso, local, plural, print_json, print_table, say
from crmwire.cli.reading import settings
from crmwire.cli.state import State, pass_state


@click.group()
def route() -> None:
    """Add, list, show, remove ways from feed to CRM."""


@route.command("add")
@click.option("--feed", required=True)
@click.option("--connection", required=True)
@click.option("--preset", required=True, help="A mapping that the CRM's plugin brings.")
@click.option("--page", default="*", help="One page of the feed (default: all).")
@click.option("--name", help="What to call it (default: made of feed, page and connection).")
@click.option(
    "--option",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the mapping; may be given several times.",
)
@click.option("--zone", help="The zone of times in texts, such as Europe/London.")
@click.option("--since", metavar="DATE", help="Skip what happened before (default: now).")
@click.option(
    "--join-within",
    type=float,
    metavar="MINUTES",
    help="A booking cancelled and one made anew within so long are one that was moved.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def route_add(
    state: State,
    feed: str,
    connection: str,
    preset: str,
    page: str,
    name: str | None,
    pairs: tuple[str, ...],
    zone: str | None,
    since: str | None,
    join_within: float | None,
    as_json: bool,
) -> None:
    """Carry a feed's events to a connection, by one of the CRM's presets."""
    from crmwire.app import parse_since

    options = settings(pairs, "--option")
    start = parse_since(since) if since else None
    with state.app() as app:
        row = app.add_route(
            feed=feed,
            connection=connection,
            preset=preset,
            page=page,
            name=name,
            options=options,
            zone=zone,
            since=start,
            join_within=join_within,
        )
    if as_json:
        print_json({"name": row.name, "since": iso(row.since)})
    else:
        say(
            f"The route {row.name} carries what happens from {local(row.since)} on."
            f" See what it would do with `crmwire preview {feed} FILE`."
        )


@route.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def route_list(state: State, as_json: bool) -> None:
    """List the routes."""
    with state.app() as app:
        rows = app.store.routes()
    if as_json:
        print_json(
            [
                {
                    "name": row.name,
                    "team": row.team,
                    "feed": row.feed,
                    "page": row.page,
                    "connection": row.connection,
                    "crm": row.crm,
                    "preset": row.preset,
                    "options": row.options,
                    "zone": row.zone,
                    "since": iso(row.since),
                }
                for row in rows
            ]
        )
    elif not rows:
        say("There is no route yet: `crmwire route add`.")
    else:
        print_table(
            ("NAME", "FEED", "PAGE", "CONNECTION", "PRESET", "SINCE"),
            [
                (row.name, row.feed, row.page, row.connection, row.preset, local(row.since))
                for row in rows
            ],
        )


@route.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def route_show(state: State, name: str, as_json: bool) -> None:
    """Print a route with its mapping, in the form that `crmwire apply` reads."""
    from crmwire.documents import route_table, toml_text

    with state.app() as app:
        data = {"routes": {name: route_table(app.store.route(name), with_mapping=True)}}
    if as_json:
        print_json(data["routes"][name])
    else:
        say(toml_text(data))


@route.command("remove")
@click.argument("name")
@pass_state
def route_remove(state: State, name: str) -> None:
    """Remove a route; deliveries that wait for it are skipped."""
    with state.app() as app:
        skipped = app.remove_route(name)
    waiting = f"; {plural(skipped, 'waiting delivery')} will not be made" if skipped else ""
    say(f"The route {name} was removed{waiting}.")
