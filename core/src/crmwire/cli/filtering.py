"""Options that say which deliveries are meant, shared by the commands that choose some."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from crmwire.app import App
    from crmwire.store import DeliveryFilter, DeliveryRow

F = TypeVar("F", bound=Callable[..., Any])


def filter_options(command: F) -> F:
    """`--connection`, `--route`, `--reason` and `--failure`."""
    for option in (
        click.option("--failure", metavar="KIND", help="Failed so, such as rejected."),
        click.option("--reason", metavar="TEXT", help="With this text in the reason."),
        click.option("--route", help="Of this route."),
        click.option("--connection", help="Of this connection."),
    ):
        command = option(command)
    return command


def wanted(
    app: App,
    *,
    states: tuple[str, ...] = (),
    connection: str | None,
    route: str | None,
    reason: str | None,
    failure: str | None,
    limit: int = 50,
) -> DeliveryFilter:
    """The filter of these options. Raises: UnknownName if one names what is not there."""
    from crmwire.store import DeliveryFilter

    if connection is not None:
        app.store.connection(connection)
    if route is not None:
        app.store.route(route)
    if failure is not None:
        _checked_kind(failure)
    return DeliveryFilter(
        states=states,
        connection=connection,
        route=route,
        reason=reason,
        failure=failure,
        limit=limit,
    )


def _checked_kind(kind: str) -> None:
    from crmwire.errors import Failure, UnknownName

    known, classes = set(), [Failure]
    while classes:
        one = classes.pop()
        known.add(one.kind)
        classes += one.__subclasses__()
    if kind not in known:
        raise UnknownName(
            f"There is no failure {kind!r}.", remedy=f"Kinds: {', '.join(sorted(known))}."
        )


def row_data(row: DeliveryRow) -> dict[str, Any]:
    """A delivery's line as JSON has it."""
    from crmwire.cli.output import iso, jsonable

    made: dict[str, Any] = jsonable(row)
    made |= {name: iso(made[name]) for name in ("due_at", "changed_at", "occurred_at")}
    return made


def show_rows(rows: list[DeliveryRow]) -> None:
    """Deliveries as a table, each with what it waits for."""
    from crmwire.cli.output import local, print_table

    print_table(
        ("ID", "STATE", "EVENT", "CONNECTION", "ROUTE", "CHANGED", "REASON"),
        [
            (
                row.id,
                row.state,
                row.event_type,
                row.connection,
                row.route,
                local(row.changed_at),
                row.reason,
            )
            for row in rows
        ],
    )
