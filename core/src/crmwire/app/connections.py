"""Connections with a static token, and what all connections have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmwire.app.folder import OpenFolder
from crmwire.setting_up import connections

if TYPE_CHECKING:
    from crmwire.store import ConnectionRow


class Connections(OpenFolder):
    """Methods for connections."""

    def add_connection(
        self,
        name: str,
        *,
        crm: str,
        token: str | None = None,
        team: str = "default",
        settings: Mapping[str, Any] | None = None,
    ) -> ConnectionRow:
        """Add a connection with a static token. Raises: ConfigurationError, PluginBroken."""
        return connections.add(
            self.openings, name, crm=crm, token=token, team=team, settings=settings
        )

    def change_connection(self, name: str, *, settings: Mapping[str, Any]) -> None:
        """Replace a connection's settings. Raises: ConfigurationError, PluginBroken."""
        connections.change(self.openings, name, settings=settings)

    def set_token(self, name: str, token: str) -> None:
        """Give a connection another token; what waited for a login goes on."""
        connections.set_token(self.openings, name, token)

    def remove_connection(self, name: str) -> None:
        """Remove a connection with its token and routes; the CRM's records stay."""
        connections.remove(self.openings, name)
