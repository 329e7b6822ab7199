"""Routes, and the presets they are made from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crmwire.app.folder import OpenFolder
from crmwire.setting_up import routes

if TYPE_CHECKING:
    from crmwire.store import RouteRow


class Routes(OpenFolder):
    """Methods for routes."""

    def presets(self, connection: str) -> dict[str, str]:
        """The presets that a connection's plugins give: name -> TOML text."""
        conn = self.openings.connection(self.store.connection(connection))
        return dict(conn.hooks.presets())

    def preset(self, connection: str, name: str) -> dict[str, Any]:
        """A preset as data; `linktime` and `salesforce:linktime` mean the same there.

        Raises: UnknownName.
        """
        conn = self.openings.connection(self.store.connection(connection))
        return routes.preset_of(conn, name)

    def add_route(
        self,
        *,
        feed: str,
        connection: str,
        preset: str,
        page: str = "*",
        name: str | None = None,
        options: Mapping[str, Any] | None = None,
        rows: Mapping[str, Any] | None = None,
        mapping: Mapping[str, Any] | None = None,
        zone: str | None = None,
        since: datetime | None = None,
        join_within: float | None = None,
    ) -> RouteRow:
        """Carry a feed's page to a connection. Raises: ConfigurationError with every problem.

        `mapping` is a mapping's data in the place of the preset's. Events before `since` (by
        default: now) are skipped. A booking cancelled and another made by the same guest on the
        same page within `join_within` minutes are taken for one that was moved.
        """
        return routes.add(
            self.openings,
            feed=feed,
            connection=connection,
            preset=preset,
            page=page,
            name=name,
            options=options,
            rows=rows,
            mapping=mapping,
            zone=zone,
            since=since,
            join_within=join_within,
        )

    def change_route(
        self,
        name: str,
        *,
        preset: str,
        mapping: Mapping[str, Any],
        options: Mapping[str, Any],
        rows: Mapping[str, Any],
        zone: str | None,
        join_within: float | None = None,
    ) -> None:
        """Replace what a route does; its place and history stay. Raises: ConfigurationError."""
        routes.change(
            self.openings,
            name,
            preset=preset,
            mapping=mapping,
            options=options,
            rows=rows,
            zone=zone,
            join_within=join_within,
        )

    def remove_route(self, name: str) -> int:
        """Remove a route; returns how many waiting deliveries are skipped for it."""
        return routes.remove(self.openings, name)
