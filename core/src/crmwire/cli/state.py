"""What every command is given: the data folder, and how much to say."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmwire.cli.output import note

if TYPE_CHECKING:
    from crmwire.app import App


class State:
    """The root options of one call of the command."""

    def __init__(self) -> None:
        self.home: Path | None = None
        self.verbose = False

    @property
    def folder(self) -> Path:
        """The data folder; it need not be there."""
        from crmwire.home import default_home

        return self.home or default_home()

    @contextlib.contextmanager
    def app(self, *, threaded: bool = False, talkative: bool = False) -> Iterator[App]:
        """Open the data folder. Only a `talkative` command logs more than warnings.

        Raises: ConfigurationError, StoreUnavailable.
        """
        from crmwire.app import App

        self.configure_logs(talkative=talkative)
        with App(self.home, threaded=threaded, told=note) as app:
            yield app

    def configure_logs(self, *, talkative: bool = False) -> None:
        from crmwire import logs

        logs.configure(verbose=self.verbose, quiet=not (talkative or self.verbose))


pass_state = click.make_pass_decorator(State, ensure=True)
