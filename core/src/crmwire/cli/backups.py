"""Backups: made while the daemon runs, and put back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from crmwire.cli.output import iso, local, note, plural, print_json, say
from crmwire.cli.state import State, pass_state

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--replace", is_flag=True, help="Replace the file if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def backup(state: State, file: Path, replace: bool, as_json: bool) -> None:
    """Copy the database into FILE, while the daemon runs.

    The copy is whole, as at one moment, and checked. The key for secrets is not in it: keep a
    copy of that elsewhere, since without it the secrets of a backup are lost.
    """
    from crmwire.backups import backup as make

    made = make(state.folder, file, datetime.now(UTC), replace=replace)
    if as_json:
        print_json({"file": str(made.file), "bytes": made.size, "key": made.key})
        return
    say(f"The database was copied into {made.file} ({made.size} bytes).")
    note(f"The key for its secrets is not in it: keep a copy of {made.key} elsewhere.")


@click.command()
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def restore(state: State, file: Path, as_json: bool) -> None:
    """Put a backup in the place of the database.

    Only while no daemon runs. The file is checked, and its secrets are tried with the key that is
    here, before anything changes; the database before is kept beside it. What waits in the backup
    may have been sent since: activities are looked for in the CRM before they are made.
    """
    from crmwire.backups import restore as put_back

    done = put_back(state.folder, file, datetime.now(UTC))
    if as_json:
        print_json(
            {
                "kept": None if done.kept is None else str(done.kept),
                "newest_event": iso(done.newest_event),
                "waiting": done.waiting,
            }
        )
        return
    say(f"{file} was put in place in {state.folder}.")
    if done.kept is not None:
        say(f"The database before is kept as {done.kept}: delete it when all is well.")
    if done.newest_event is not None:
        say(f"Its newest event came in {local(done.newest_event)}; `crmwire backfill` gets later.")
    say(f"{plural(done.waiting, 'delivery')} waiting. Start the daemon: `crmwire serve`.")
