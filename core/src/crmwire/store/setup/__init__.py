"""What teams set up: feeds, connections, routes and their secrets."""

from __future__ import annotations

from crmwire.store.setup.connection_rows import (
    ConnectionRow,
    connection,
    connection_by_id,
    connections,
    delete_connection,
    forget_report,
    insert_connection,
    set_connection_state,
    set_problem,
    set_report,
    set_working,
    update_connection,
)
from crmwire.store.setup.feed_rows import (
    FeedRow,
    delete_feed,
    feed,
    feed_by_token,
    feeds,
    insert_feed,
    update_feed,
)
from crmwire.store.setup.route_rows import (
    RouteRow,
    insert_route,
    remove_route,
    route,
    route_by_id,
    routes,
    update_route,
)
from crmwire.store.setup.secret_rows import any_secret, delete_secret, get_secrets, put_secret

__all__ = [
    "ConnectionRow",
    "FeedRow",
    "RouteRow",
    "any_secret",
    "connection",
    "connection_by_id",
    "connections",
    "delete_connection",
    "delete_feed",
    "delete_secret",
    "feed",
    "feed_by_token",
    "feeds",
    "forget_report",
    "get_secrets",
    "insert_connection",
    "insert_feed",
    "insert_route",
    "put_secret",
    "remove_route",
    "route",
    "route_by_id",
    "routes",
    "set_connection_state",
    "set_problem",
    "set_report",
    "set_working",
    "update_connection",
    "update_feed",
    "update_route",
]
