"""The root of the command line: its options, its exit status, the commands of app plugins."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from crmwire.cli.failing import guarded
from crmwire.cli.output import note
from crmwire.cli.state import State


class Root(click.Group):
    """A group whose errors are single lines, and that app plugins can add commands to."""

    _extended = False

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run a command and exit; the status tells how it went (see `failing`)."""
        state = extra.setdefault("obj", State())
        run: Callable[..., Any] = super().main
        status = guarded(lambda: run(*args, standalone_mode=False, **extra), state)
        if standalone_mode:
            sys.exit(status)
        return status

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a person needs them."""
        self._extend()
        return list(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        self._extend()
        return super().get_command(ctx, cmd_name)

    def _extend(self) -> None:
        if not self._extended:
            self._extended = True
            extend(self)


def extend(cli: click.Group) -> None:
    """Let app plugins add their commands; only metadata is read if there is no such plugin.

    A plugin that fails is told of, and takes no other command with it.
    """
    from importlib.metadata import entry_points

    if not entry_points(group="crmwire.app"):
        return
    from crmwire.discovery import Discovery
    from crmwire.hooks import manager
    from crmwire.hookspecs import AppSpecs

    for plugin in Discovery().of_kind("app"):
        try:
            pm = manager(AppSpecs, [(plugin.name, plugin.load())])
            pm.hook.register_commands(cli=cli)
        except Exception as error:  # noqa: BLE001  (a plugin may raise anything)
            note(f"Warning: the commands of plugin {plugin.name} are missing: {error}")
