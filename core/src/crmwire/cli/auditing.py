"""The audit: who of this machine did what, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crmwire.cli.output import iso, local, note, print_json, print_table, say
from crmwire.cli.state import State, pass_state

if TYPE_CHECKING:
    from crmwire.store import AuditEntry


@click.command()
@click.option("--since", metavar="DATE", help="From then on: 2026-11-30, or with a time.")
@click.option(
    "--limit", default=200, show_default=True, type=click.IntRange(min=1), help="At most so many."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def audit(state: State, since: str | None, limit: int, as_json: bool) -> None:
    """Tell who did what, the newest last.

    What was added, changed, connected, retried, dismissed, rotated, forgotten or removed, by
    which user of this machine. No secrets and nothing of the people that bookings are about.
    """
    from crmwire.app import parse_since

    with state.app() as app:
        found = app.store.audit(parse_since(since) if since else None, limit)
    if as_json:
        print_json([_as_data(one) for one in found])
    elif not found:
        say("Nothing was done yet.")
    else:
        rows = [
            (local(one.at), one.by, one.action, f"{one.kind} {one.name}".strip(), _told(one))
            for one in found
        ]
        print_table(("WHEN", "WHO", "DID", "WHAT", "MORE"), rows)
        if len(found) == limit:
            note(f"Only the newest {limit} are shown: --limit shows more.")


def _as_data(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": iso(entry.at),
        "by": entry.by,
        "action": entry.action,
        "kind": entry.kind,
        "name": entry.name,
        "detail": dict(entry.detail),
    }


def _told(entry: AuditEntry) -> str:
    return ", ".join(f"{key} {_plain(value)}" for key, value in entry.detail.items())


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value)
