"""Hooks of the whole process: those of its extensions and local files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from crmwire.hookspecs.marks import hookspec

if TYPE_CHECKING:
    import click

    from crmwire.expressions import Filter
    from crmwire.types import Json


class AppSpecs:
    """Hooks of the whole process."""

    @hookspec
    def register_commands(self, cli: click.Group) -> None:
        """Add commands to the command line. Added in 0.1."""

    @hookspec
    def mapping_filters(self) -> Mapping[str, Filter] | None:
        """Give filters for expressions, by name: pure functions of a value. Added in 0.1."""

    @hookspec
    def runner_started(self, settings: Mapping[str, Json]) -> None:
        """Hear that the daemon has started. Added in 0.1."""

    @hookspec
    def runner_stopping(self) -> None:
        """Hear that the daemon is about to stop. Added in 0.1."""
