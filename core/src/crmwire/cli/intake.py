"""Webhook bodies out of files: taken in, or only tried."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crmwire.cli.daemon import running_daemon
from crmwire.cli.failing import FAILED
from crmwire.cli.output import note, plural, print_json, say
from crmwire.cli.state import State, pass_state
from crmwire.errors import CrmwireError, StoreUnavailable

if TYPE_CHECKING:
    from crmwire.app import App

NOT_LOOKED_UP = 4
"""Exit status of a preview that could not ask the CRM."""
T = TypeVar("T")
_files = click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)


@click.command()
@click.argument("feed")
@_files
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
@click.pass_context
def ingest(
    ctx: click.Context, state: State, feed: str, files: tuple[Path, ...], as_json: bool
) -> None:
    """Take in webhook bodies out of files.

    The files hold JSON (one body, or a list) or NDJSON. The bodies need no signature, since
    they are yours. One that cannot be read is told with its place and does not stop the others.
    Exit status 1 if any failed.
    """
    with state.app() as app:
        app.store.feed(feed)
        answers = [
            _taken(app, feed, where, body) for where, body in _progress(list(_bodies(files)))
        ]
        taken = sum(one["status"] == "accepted" for one in answers)
        if taken:
            app.store.note(app.clock.now(), "ingested", "feed", feed, bodies=taken)
        running = running_daemon(app.home) is not None
        routed = any(row.feed == feed for row in app.store.routes())
    counts = Counter(one["status"] for one in answers)
    deliveries = sum(one["deliveries"] for one in answers)
    if as_json:
        print_json({"bodies": answers, "counts": counts, "deliveries": deliveries})
    else:
        parts = [
            f"{counts[status]} {status}"
            for status in ("accepted", "duplicate", "ignored", "failed")
            if counts[status] or status == "accepted"
        ]
        body = plural(len(answers), "body")
        say(f"{body}: {', '.join(parts)}; {plural(deliveries, 'delivery')}.")
        if not routed:
            say(f"No route carries what comes in at {feed}: `crmwire route add`.")
        elif deliveries and not running:
            say("No daemon runs on this data folder: `crmwire serve` carries them.")
    if counts["failed"]:
        ctx.exit(FAILED)


def _bodies(files: Iterable[Path]) -> Iterator[tuple[str, bytes | CrmwireError]]:
    """Every body with its place; a file that cannot be read stands for itself."""
    from crmwire.intake import bodies_in

    for path in files:
        try:
            yield from bodies_in(path)
        except CrmwireError as error:
            yield str(path), error


def _taken(app: App, feed: str, where: str, body: bytes | CrmwireError) -> dict[str, Any]:
    try:
        if isinstance(body, CrmwireError):
            raise body
        made = app.accept(feed, body, trusted=True)
    except StoreUnavailable:
        raise
    except CrmwireError as error:
        note(f"{where}: {error.message} {error.remedy}".rstrip())
        return {"at": where, "status": "failed", "reason": error.message, "deliveries": 0}
    return {
        "at": where,
        "status": made.status,
        "reason": made.reason,
        "deliveries": sum(one.deliveries for one in made.accepted),
    }


def _progress(items: list[T]) -> Iterator[T]:
    """The items, with a bar on standard error if that is a terminal."""
    if not sys.stderr.isatty() or len(items) < 2:
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, "Taking in", console=Console(stderr=True), transient=True)


@click.command()
@click.argument("feed")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--connection", help="Only what would happen in this connection.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
@click.pass_context
def preview(
    ctx: click.Context,
    state: State,
    feed: str,
    file: Path,
    connection: str | None,
    as_json: bool,
) -> None:
    """Tell what a webhook body would do.

    It is planned as if it came in now, and the CRM is only read. Exit status 4 if the CRM could
    not be asked, 1 if a delivery would be held.
    """
    from crmwire.cli.plans import as_data, show
    from crmwire.intake import bodies_in

    with state.app() as app:
        app.store.feed(feed)
        if connection is not None:
            app.store.connection(connection)
        made = [
            one
            for _, body in bodies_in(file)
            for one in app.preview(feed, body, connection=connection)
        ]
    if as_json:
        print_json([as_data(one) for one in made])
    elif not made:
        said = f" to {connection}" if connection else ""
        say(f"No route carries it{said}: `crmwire route add --feed {feed}`.")
    else:
        for one in made:
            show(one)
    if any(one.not_looked_up for one in made):
        ctx.exit(NOT_LOOKED_UP)
    if any(one.problem for one in made):
        ctx.exit(FAILED)
