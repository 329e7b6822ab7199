"""A link by which somebody logs in at the daemon, once: for whoever may consent is elsewhere."""

from __future__ import annotations

import secrets as random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from crmwire.errors import ConfigurationError, LoginFailed
from crmwire.logins import grants
from crmwire.logins.loopback import PATH
from crmwire.setting_up.begun import Secrets, keep, known_secrets, taken
from crmwire.setting_up.logins import Started, begin, needs_person
from crmwire.store import logins

if TYPE_CHECKING:
    from crmwire.opening import Openings
    from crmwire.store import ConnectionRow

INVITATION_LIFE = 3600.0
"""Seconds in which a link to log in must be opened."""


def public_callback(address: str) -> str:
    """The redirect address of a daemon that is reached at `address`.

    Raises: ConfigurationError unless it is https, or this machine.
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    local = host in ("localhost", "127.0.0.1")
    usable = parts.scheme == "https" or (local and parts.scheme == "http")
    if not host or not usable or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigurationError(
            f"{address!r} is not an address where browsers reach the daemon.",
            remedy="Write it as https://crmwire.example.com.",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}{PATH}"


def invite(
    openings: Openings,
    row: ConnectionRow,
    *,
    redirect_uri: str,
    settings: Mapping[str, Any],
    secrets: Secrets,
) -> str:
    """A ticket with which somebody may begin a login at the daemon, once.

    Raises: ConfigurationError if this login takes no person, or a secret is missing.
    """
    if not needs_person(openings, row, settings):
        raise ConfigurationError(
            f"The connection {row.name} logs in without a person.",
            remedy="Leave out --hosted.",
        )
    merged = {**row.settings, **settings}
    kept = {**known_secrets(openings, row, merged), **secrets}
    conn = openings.trial(row.name, row.crm, merged)
    try:
        grants.check_complete(conn, kept)
    finally:
        conn.close()
    ticket = random.token_urlsafe(32)
    keep(openings, "login_tickets", ticket, row, redirect_uri, merged, kept, INVITATION_LIFE, None)
    return ticket


def invited(openings: Openings, crm: str, ticket: str) -> ConnectionRow:
    """The connection that a ticket is for; it stays usable. Raises: LoginFailed."""
    with openings.store.read() as db:
        begun = logins.look(db, "login_tickets", logins.hashed(ticket))
    row = None if begun is None else openings.store.connection_by_id(begun.connection)
    if begun is None or row is None or row.crm != crm or row.state == "removed":
        raise LoginFailed(
            "This link is not valid, or was used already.", remedy="Ask for another link."
        )
    if begun.expires_at < openings.clock.now().timestamp():
        raise LoginFailed("This link has expired.", remedy="Ask for another link.")
    return row


def begin_invited(openings: Openings, crm: str, ticket: str, browser: str) -> Started:
    """Begin the login that a ticket is for, and use it up. Raises: LoginFailed."""
    row = invited(openings, crm, ticket)
    begun, kept = taken(openings, "login_tickets", logins.hashed(ticket))
    return begin(
        openings,
        row,
        redirect_uri=begun.redirect_uri,
        settings=begun.settings,
        secrets=kept,
        browser=browser,
    )
