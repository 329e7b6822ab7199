"""What a stored secret is, in people's words, and how it is given anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmwire.logins.grants import CLIENT_SECRET, PRIVATE_KEY, TOKEN
from crmwire.setting_up.feeds import ADDRESS, SIGNING, SIGNING_OLD
from crmwire.store import alerts

if TYPE_CHECKING:
    from crmwire.store import Store

_GIVEN = {CLIENT_SECRET: " --client-secret-stdin", PRIVATE_KEY: " --private-key-stdin"}


def told(store: Store, place: str) -> tuple[str, str]:
    """What stands in a place (`connection/3 token`), and what to do to have it again."""
    owner, _, name = place.partition(" ")
    kind, _, number = owner.partition("/")
    if kind == "connection":
        for connection in store.connections():
            if connection.owner == owner:
                return f"{name} of the connection {connection.name}", _login(
                    connection.crm, connection.name, name
                )
    elif kind == "feed":
        for feed in store.feeds():
            if feed.owner == owner:
                return f"{name} of the feed {feed.name}", _of_feed(feed.source, feed.name, name)
    elif kind == "alert":
        with store.read() as db:
            for target in alerts.targets(db):
                if target.owner == owner:
                    which = f"{name} of the alert {target.name}"
                    return which, f"`crmwire alert add {target.name}` with its address gives both."
    elif kind == "login":
        return f"{name} of a login that was begun", "Begin that login again."
    return f"{name} of {kind} {number}", "What it belonged to is no longer there."


def _login(crm: str, connection: str, name: str) -> str:
    if name == TOKEN:
        return f"`crmwire connection add {crm} --name {connection}` asks for the token."
    more = _GIVEN.get(name, "")
    return f"`crmwire connect {crm} --name {connection}{more}` logs in again."


def _of_feed(source: str, feed: str, name: str) -> str:
    if name in (SIGNING, SIGNING_OLD):
        return f"`crmwire feed add {feed} --source {source}` asks for the signing secret."
    if name == ADDRESS:
        return "Webhooks sent to its address still arrive; only to show it a backup is needed."
    return f"`crmwire feed token {feed}` asks for it."
