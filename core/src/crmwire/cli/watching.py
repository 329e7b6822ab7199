"""Deliveries, and one of them in full."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from crmwire.cli.filtering import filter_options, row_data, show_rows, wanted
from crmwire.cli.output import (
    iso,
    jsonable,
    local,
    plural,
    print_json,
    say,
)
from crmwire.cli.state import State, pass_state

if TYPE_CHECKING:
    from crmwire.store import DeliveryView


@click.command()
@click.option("--state", "states", multiple=True, help="In this state; may be given several times.")
@filter_options
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def deliveries(
    state: State,
    states: tuple[str, ...],
    connection: str | None,
    route: str | None,
    reason: str | None,
    failure: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List deliveries, the newest first."""
    with state.app() as app:
        chosen = wanted(
            app,
            states=states,
            connection=connection,
            route=route,
            reason=reason,
            failure=failure,
            limit=limit,
        )
        rows = app.deliveries(chosen)
    if as_json:
        print_json([row_data(row) for row in rows])
    elif rows:
        show_rows(rows)
    else:
        say("There is no such delivery.")


@click.command()
@click.argument("id_", metavar="ID", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def delivery(state: State, id_: int, as_json: bool) -> None:
    """Tell all of one delivery.

    The event, the plan, each request's outcome, the problem and its remedy, the records.
    """
    with state.app() as app:
        view = app.delivery(id_)
    if as_json:
        print_json(
            {
                **row_data(view.row),
                "feed": view.feed,
                "late": view.late,
                "attempt_open": view.attempt_open,
                "event": view.event,
                "history": [{**entry, "at": iso(entry["at"])} for entry in view.history],
                "links": view.links,
            }
        )
    else:
        _show(view)


def _show(view: DeliveryView) -> None:
    row = view.row
    say(f"Delivery {row.id} is {row.state}, after {plural(row.tries, 'try')}.")
    say(f"  {row.event_type} of feed {view.feed}, by route {row.route} to {row.connection}")
    late = " (came in after a newer one)" if view.late else ""
    say(f"  happened {local(row.occurred_at)}{late}, last changed {local(row.changed_at)}")
    if row.state == "ready":
        say(f"  next try {local(row.due_at)}")
    if row.reason:
        say(f"  {'problem' if row.failure else 'reason'}: {row.reason}")
    if row.remedy:
        say(f"  remedy: {row.remedy}")
    if view.attempt_open:
        say("  an attempt is open: it is looked up before anything is sent again")
    say("Event")
    for line in json.dumps(jsonable(view.event), indent=2, ensure_ascii=False).splitlines():
        say(f"  {line}")
    for entry in view.history:
        _show_entry(entry)
    if view.links:
        say("Records")
        for link in view.links:
            item = f" {link['item']}" if link["item"] else ""
            url = f" {link['url']}" if link["url"] else ""
            say(f"  {link['role']}{item}: {link['type']} {link['record']}{url}")


def _show_entry(entry: Mapping[str, Any]) -> None:
    by = f" by {entry['by']}" if entry.get("by") else ""
    say(f"{local(entry['at'])}: {entry['state']}{by}")
    failure = entry.get("failure")
    if isinstance(failure, Mapping):
        said = f"{failure.get('message', '')} {failure.get('remedy', '')}".rstrip()
        code = f" ({failure['code']})" if failure.get("code") else ""
        say(f"  {failure['kind'].replace('_', ' ')}{code}: {said}")
        for one in failure.get("candidates", ()):
            say(f"    to choose from: {one['type']}/{one['id']} {one.get('url') or ''}".rstrip())
    for line in entry.get("lines", ()):
        _show_line(line)
    for request in entry.get("requests", ()):
        answer = request["problem"] if request["status"] is None else request["status"]
        named = f", request {request['request_id']}" if request["request_id"] else ""
        took = f"{request['seconds'] * 1000:.0f} ms"
        say(f"  {request['method']} {request['path']} ({took}{named}): {answer}")


def _show_line(line: Mapping[str, Any]) -> None:
    from crmwire.cli.plans import shown, told

    did = line.get("do") or "nothing decided"
    say(f"  {line['role']}: {told(did, line.get('type'), line.get('record'), line.get('why'))}")
    for name, old in (line.get("before") or {}).items():
        say(f"    {name} was {shown(old)}")
    if line.get("dropped"):
        say(f"    left out, since the CRM refused it: {', '.join(line['dropped'])}")
