"""From the store to a document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import tomli_w

from crmwire.alerting.addresses import SIGNING
from crmwire.documents.form import OWN
from crmwire.errors import CrmwireError
from crmwire.mapping import fingerprint
from crmwire.opening import TOKEN
from crmwire.store.alerts import EVERY_TEAM

if TYPE_CHECKING:
    from crmwire.app import App
    from crmwire.store import RouteRow


def teams(app: App) -> list[str]:
    """The teams that own anything."""
    of_feeds = {row.team for row in app.store.feeds()}
    of_connections = {row.team for row in app.store.connections()}
    of_alerts = {row.team for row in app.alerts() if row.team != EVERY_TEAM}
    return sorted(of_feeds | of_connections | of_alerts)


def exported(app: App, team: str) -> str:
    """A team's feeds, connections and routes as TOML, in the form that `parsed` reads."""
    feeds, connections, routes, alerts = {}, {}, {}, {}
    for feed in app.store.feeds():
        if feed.team == team:
            feeds[feed.name] = {
                "source": feed.source,
                "secret": f"vault:feed/{feed.name}" if app.is_signed(feed) else None,
                "token": f"vault:feed/{feed.name}" if app.vault.get(feed.owner, TOKEN) else None,
                "allow_unsigned": feed.allow_unsigned or None,
                "settings": feed.settings or None,
            }
    for row in app.store.connections():
        if row.team == team:
            stored = app.vault.get(row.owner, TOKEN)
            connections[row.name] = {
                "crm": row.crm,
                "token": f"vault:connection/{row.name}" if stored else None,
                "settings": row.settings or None,
            }
    for route in app.store.routes():
        if route.team == team:
            routes[route.name] = route_table(route, with_mapping=not _is_preset(app, route))
    for alert in app.alerts():
        if alert.team == team:
            signed = app.vault.get(alert.owner, SIGNING) is not None
            alerts[alert.name] = {
                "address": f"vault:alert/{alert.name}",
                "webhook": True if alert.kind == "webhook" else None,
                "digest": None if alert.digest == "daily" else alert.digest,
                "secret": f"vault:alert/{alert.name}" if signed else None,
            }
    made = {
        "team": team,
        "feeds": feeds,
        "connections": connections,
        "routes": routes,
        "alerts": alerts,
    }
    return toml_text({name: table for name, table in made.items() if table})


def route_table(row: RouteRow, *, with_mapping: bool) -> dict[str, Any]:
    """A route as a document has it."""
    return {
        "feed": row.feed,
        "connection": row.connection,
        "page": None if row.page == "*" else row.page,
        "preset": None if row.preset == OWN else row.preset,
        "zone": row.zone,
        "join_within": row.join_within,
        "since": datetime.fromtimestamp(row.since, UTC),
        "options": row.options or None,
        "fields": row.rows or None,
        "mapping": row.mapping if with_mapping else None,
    }


def _is_preset(app: App, row: RouteRow) -> bool:
    """Whether a route's mapping is what its preset gives today, so that its name says all."""
    try:
        return fingerprint(app.preset(row.connection, row.preset)) == row.fingerprint
    except CrmwireError:
        return False


def toml_text(data: Mapping[str, Any]) -> str:
    """Plain data as TOML; what is None is left out."""
    return tomli_w.dumps(_without_none(data), multiline_strings=True)


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_none(part) for name, part in value.items() if part is not None}
    return [_without_none(part) for part in value] if isinstance(value, list) else value
