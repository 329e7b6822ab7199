"""Feeds: added, listed, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmwire.cli.output import plural, print_json, print_table, say
from crmwire.cli.reading import confirm, read_secret, settings
from crmwire.cli.state import State, pass_state
from crmwire.errors import ConfigurationError

if TYPE_CHECKING:
    from crmwire.app import App
    from crmwire.store import FeedRow

UNSIGNED = " Or allow webhooks that nobody signed with --allow-unsigned."


@click.group()
def feed() -> None:
    """Add, list, remove places for webhooks."""


@feed.command("add")
@click.argument("name")
@click.option("--source", required=True, help="The source's plugin, such as calcom.")
@click.option("--team", help="The team it belongs to (default: default).")
@click.option("--allow-unsigned", is_flag=True, help="Take webhooks that nobody signed.")
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the source's own; may be given several times.",
)
@click.option("--since", metavar="DATE", help="Where polling begins (default: now).")
@click.option(
    "--keep-old", is_flag=True, help="Let the secret that is replaced count until the next one."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def feed_add(
    state: State,
    name: str,
    source: str,
    team: str | None,
    allow_unsigned: bool,
    pairs: tuple[str, ...],
    since: str | None,
    keep_old: bool,
    as_json: bool,
) -> None:
    """Add a feed and print the path that its webhooks are sent to.

    The signing secret is read from standard input, or asked for in a terminal; for a source that
    is polled it is the API token instead. The name of a feed that is there replaces that secret,
    and the settings that are given; with --keep-old the secret before counts too, until the
    source signs with the new one.
    """
    from crmwire.app import parse_since

    chosen = settings(pairs, "--set")
    begin = parse_since(since) if since else None
    with state.app() as app:
        hooks = app.openings.source_hooks(source)
        known = _known(app, name, source, team)
        if known is not None and (allow_unsigned or begin):
            raise ConfigurationError(
                f"There is a feed {name!r} already.",
                remedy="Remove it first, or change it with `crmwire apply`.",
            )
        merged = {**(known.settings if known else {}), **chosen}
        polled = app.is_polled(source, name, merged)
        secret = None
        if polled and not app.needs_token(source, name, merged):
            pass
        elif polled:
            secret = read_secret(f"API token of {name}", ascii_only=True)
        elif not allow_unsigned:
            secret = read_secret(f"signing secret of {name}", otherwise=UNSIGNED)
        if known is None:
            path = app.add_feed(
                name,
                source=source,
                team=team or "default",
                signing_secret=None if polled else secret,
                allow_unsigned=allow_unsigned,
                settings=chosen,
                api_token=secret if polled else None,
                since=begin,
            )
        else:
            if chosen:
                app.change_feed(name, settings=merged, allow_unsigned=known.allow_unsigned)
            if secret is not None:
                if polled:
                    app.set_feed_token(name, secret)
                else:
                    app.set_signing_secret(name, secret, keep_old=keep_old)
            path = app.feed_address(known)
        info = hooks.source_info()
    if as_json:
        print_json({"name": name, "path": path, "replaced": known is not None, "polled": polled})
        return
    if known is not None:
        if polled:
            say(f"The feed {name} was changed.")
        else:
            say(f"The feed {name} has a new signing secret; its address stays {path}")
        return
    if polled:
        say(f"The feed {name} is asked by the daemon. Try it with `crmwire check {name}`.")
    else:
        say(f"The feed {name} takes webhooks at {path}")
    if info.setup:
        say(f"{info.title}: {info.setup}")


@feed.command("token")
@click.argument("name")
@pass_state
def feed_token(state: State, name: str) -> None:
    """Give a feed the token that its source's API is asked with.

    It is read from standard input, or asked for in a terminal. Sources that are polled need one,
    and so does `crmwire backfill`.
    """
    with state.app() as app:
        row = app.store.feed(name)
        api = app.openings.source(row).feed_api()
        if api is None or api.public:
            raise ConfigurationError(f"The source {row.source} is asked for nothing with a token.")
        app.set_feed_token(name, read_secret(f"API token of {name}", ascii_only=True))
    say(f"The feed {name} has a new token. Try it with `crmwire check {name}`.")


def _known(app: App, name: str, source: str, team: str | None) -> FeedRow | None:
    """The feed of that name, if there is one of the same source and team."""
    for row in app.store.feeds():
        if row.name == name:
            if row.source != source or team not in (None, row.team):
                raise ConfigurationError(
                    f"There is a feed {name!r} already, of {row.source} for team {row.team}.",
                    remedy=f"Use another name, or `crmwire feed remove {name}` first.",
                )
            return row
    return None


@feed.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def feed_list(state: State, as_json: bool) -> None:
    """List the feeds, each with its address and whether its webhooks are signed."""
    with state.app() as app:
        found = [
            {
                "name": row.name,
                "source": row.source,
                "team": row.team,
                "path": app.feed_address(row),
                "signed": app.is_signed(row),
                "allow_unsigned": row.allow_unsigned,
                "polled": app.feed_is_polled(row),
            }
            for row in app.store.feeds()
        ]
    if as_json:
        print_json(found)
    elif not found:
        say("There is no feed yet: `crmwire feed add`.")
    else:
        print_table(
            ("NAME", "SOURCE", "TEAM", "PATH", "SIGNED"),
            [
                (
                    one["name"],
                    one["source"],
                    one["team"],
                    "(asked by the daemon)" if one["polled"] else one["path"],
                    "-" if one["polled"] else "yes" if one["signed"] else "no",
                )
                for one in found
            ],
        )


@feed.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_state
def feed_remove(state: State, name: str, yes: bool) -> None:
    """Remove a feed with its routes; what came in stays readable."""
    with state.app() as app:
        app.store.feed(name)
        routes = [row.name for row in app.store.routes() if row.feed == name]
        confirm_removal("feed", name, routes, yes=yes)
        app.remove_feed(name)
    say(f"The feed {name} was removed{_with_routes(routes)}.")


def confirm_removal(kind: str, name: str, routes: list[str], *, yes: bool) -> None:
    """Ask before a feed or a connection is removed with its routes."""
    confirm(f"Remove the {kind} {name}{_with_routes(routes)}?", yes=yes)


def _with_routes(routes: list[str]) -> str:
    return f" with {plural(len(routes), 'route')} ({', '.join(routes)})" if routes else ""
