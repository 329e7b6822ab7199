"""The keys that secrets are encrypted with: listed, rotated, removed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from crmwire.cli.daemon import running_daemon
from crmwire.cli.failing import FAILED
from crmwire.cli.output import note, plural, print_json, print_table, say
from crmwire.cli.reading import confirm, read_secret
from crmwire.cli.state import State, pass_state

if TYPE_CHECKING:
    from crmwire.app import App
    from crmwire.rotating import KeyState, Rotation


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
@click.pass_context
def keys(ctx: click.Context, state: State, as_json: bool) -> None:
    """List, rotate, remove the keys that secrets are encrypted with.

    Without a command they are listed: each with how many secrets it encrypts. Keys themselves
    are never shown.
    """
    if ctx.invoked_subcommand is not None:
        return
    with state.app() as app:
        found, where = app.keys(), app.vault.keys.where
        loose = _readable_by_others(app)
    if as_json:
        print_json({"where": where, "keys": found})
        return
    say(f"The keys are in {where}.")
    print_table(("KEY", "SECRETS", ""), [(one.id, one.secrets, _told(one)) for one in found])
    if loose:
        note(f"Warning: {where} can be read by others: `chmod 600 {where}`.")


def _told(one: KeyState) -> str:
    if not one.there:
        return "is missing: its secrets cannot be read"
    if one.for_new:
        return "for new secrets"
    if one.secrets:
        return "older: `crmwire keys rotate` moves its secrets"
    return f"no longer needed here: `crmwire keys remove {one.id}`"


def _readable_by_others(app: App) -> bool:
    path = app.vault.keys.path
    return path is not None and bool(path.stat().st_mode & 0o077)


@keys.command("rotate")
@click.option(
    "--key-stdin", is_flag=True, help="Take the new key from standard input, as `keys make` prints."
)
@click.option(
    "--yes", is_flag=True, help="Take keys that are no longer needed out, without asking."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and do not ask.")
@pass_state
@click.pass_context
def keys_rotate(
    ctx: click.Context, state: State, key_stdin: bool, yes: bool, as_json: bool
) -> None:
    """Move all secrets to a new key, while the daemon runs.

    A new key is made in the key file, or one that was put first there is taken. What was begun
    and interrupted is finished. The old key stays until it is removed: backups need it.
    """
    from crmwire.keys import parsed

    given = None
    if key_stdin:
        ((key_id, key),) = list(parsed(read_secret("key"), "Standard input").items())[:1]
        given = (key_id, key)
    with state.app() as app:
        running = running_daemon(app.home) is not None
        done = app.rotate_keys(given=given, daemon_runs=running)
        if not as_json:
            _show(app, done)
        removed = [one for one in done.idle if _to_be_removed(app, one, yes=yes, ask=not as_json)]
        for one in removed:
            app.remove_key(one)
    if as_json:
        print_json({**_as_data(done), "removed": removed})
    else:
        for one in removed:
            say(f"The key {one} was taken out. Backups from before can be read only with a copy.")
        for one in [one for one in done.idle if one not in removed]:
            say(f"The key {one} is no longer needed here: `crmwire keys remove {one}`.")
    if done.unreadable:
        ctx.exit(FAILED)


def _to_be_removed(app: App, key_id: str, *, yes: bool, ask: bool) -> bool:
    if app.vault.keys.path is None:
        return False
    if yes:
        return True
    if not (ask and sys.stdin.isatty()):
        return False
    return click.confirm(_QUESTION.format(key_id=key_id), default=False, err=True)


_QUESTION = (
    "Take the key {key_id} out of the key file? Backups, and other data folders that share the"
    " file, may still need it."
)


def _show(app: App, done: Rotation) -> None:
    from crmwire.secret_places import told

    began = "went on to" if done.resumed else "to"
    say(f"Rotated {began} the key {done.key_id}: {plural(done.moved, 'secret')} moved.")
    for place in done.unreadable:
        what, remedy = told(app.store, place)
        note(f"No key that is there opens the {what}; it was left as it is. {remedy}")


def _as_data(done: Rotation) -> dict[str, object]:
    return {
        "key": done.key_id,
        "moved": done.moved,
        "resumed": done.resumed,
        "unreadable": done.unreadable,
        "idle": done.idle,
    }


@keys.command("make")
def keys_make() -> None:
    """Print the line of a new key.

    For CRMWIRE_KEYS or a key file that this command cannot change. It is kept nowhere.
    """
    from crmwire.keys import line_of, new_key

    click.echo(line_of(*new_key()), nl=False)


@keys.command("remove")
@click.argument("key_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_state
def keys_remove(state: State, key_id: str, yes: bool) -> None:
    """Take a key that no secret needs any more out of the key file."""
    with state.app() as app:
        confirm(_QUESTION.format(key_id=key_id), yes=yes)
        app.remove_key(key_id)
    say(f"The key {key_id} was taken out. Backups from before can be read only with a copy of it.")
