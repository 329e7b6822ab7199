"""Webhooks that could not be read: listed, shown, taken in again, given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmwire.cli.failing import FAILED
from crmwire.cli.output import iso, local, note, plural, print_json, print_table, say
from crmwire.cli.state import State, pass_state
from crmwire.errors import ConfigurationError

if TYPE_CHECKING:
    from crmwire.app import App
    from crmwire.retaking import Retaken


@click.group(invoke_without_command=True)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="At most.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
@click.pass_context
def webhooks(ctx: click.Context, state: State, limit: int, as_json: bool) -> None:
    """List, show, retry, dismiss webhooks that could not be read.

    They were rightly signed, so their bodies were kept. Without a command they are listed, the
    newest first.
    """
    if ctx.invoked_subcommand is not None:
        return
    from crmwire.store import unreadable

    with state.app() as app, app.store.read() as db:
        found = unreadable.some(db, limit)
    if as_json:
        print_json(
            [
                {
                    "id": one.id,
                    "feed": one.feed,
                    "received_at": iso(one.received_at),
                    "reason": one.reason,
                    "bytes": len(one.body),
                }
                for one in found
            ]
        )
    elif not found:
        say("Every webhook could be read.")
    else:
        print_table(
            ("ID", "FEED", "RECEIVED", "BYTES", "REASON"),
            [
                (one.id, one.feed, local(one.received_at), len(one.body), one.reason)
                for one in found
            ],
        )


@webhooks.command("show")
@click.argument("id_", metavar="ID", type=int)
@pass_state
def webhooks_show(state: State, id_: int) -> None:
    """Print the body of one, as it came in."""
    from crmwire.store import unreadable

    with state.app() as app, app.store.read() as db:
        found = unreadable.one(db, id_)
    if found is None:
        raise ConfigurationError(
            f"There is no unreadable webhook {id_}.", remedy="`crmwire webhooks` lists them."
        )
    say(found.body.decode("utf-8", "replace"))


@webhooks.command("retry")
@click.argument("ids", metavar="[ID]...", nargs=-1, type=int)
@click.option("--all", "every", is_flag=True, help="All that there are.")
@click.option("--feed", help="All of this feed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
@click.pass_context
def webhooks_retry(
    ctx: click.Context,
    state: State,
    ids: tuple[int, ...],
    every: bool,
    feed: str | None,
    as_json: bool,
) -> None:
    """Read webhooks once more, after their source's plugin was mended."""
    from crmwire.retaking import take_again

    with state.app() as app:
        done = take_again(app.openings, _chosen(app, ids, every=every, feed=feed))
    if as_json:
        print_json([_as_data(one) for one in done])
    else:
        taken = [one for one in done if one.intake is not None]
        say(f"{plural(len(taken), 'webhook')} taken in.")
        for one in done:
            if one.intake is None:
                note(f"Webhook {one.id} still cannot be read: {one.problem}")
            elif one.intake.status != "accepted":
                say(f"Webhook {one.id}: {one.intake.status} {one.intake.reason or ''}".rstrip())
    if any(one.intake is None for one in done):
        ctx.exit(FAILED)


def _as_data(one: Retaken) -> dict[str, object]:
    made = one.intake
    return {
        "id": one.id,
        "status": "unreadable" if made is None else made.status,
        "reason": one.problem if made is None else made.reason,
        "deliveries": 0 if made is None else sum(part.deliveries for part in made.accepted),
    }


@webhooks.command("dismiss")
@click.argument("ids", metavar="[ID]...", nargs=-1, type=int)
@click.option("--all", "every", is_flag=True, help="All that there are.")
@click.option("--feed", help="All of this feed.")
@pass_state
def webhooks_dismiss(state: State, ids: tuple[int, ...], every: bool, feed: str | None) -> None:
    """Give up webhooks that cannot be read; their bodies are removed."""
    from crmwire.retaking import dismiss

    with state.app() as app:
        chosen = _chosen(app, ids, every=every, feed=feed)
        dismiss(app.openings, chosen)
    say(f"{plural(len(chosen), 'webhook')} dismissed.")


def _chosen(app: App, ids: tuple[int, ...], *, every: bool, feed: str | None) -> list[int]:
    from crmwire.store import unreadable

    if bool(ids) + every + (feed is not None) != 1:
        raise ConfigurationError(
            "Say which webhooks: their ids, --feed or --all.",
            remedy="`crmwire webhooks` lists them.",
        )
    if ids:
        return list(dict.fromkeys(ids))
    if feed is not None:
        app.store.feed(feed)
    with app.store.read() as db:
        return unreadable.all_ids(db, feed)
