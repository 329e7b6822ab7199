"""Feeds: where webhooks of a source come in, under a secret address and with a secret."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmwire.errors import ConfigurationError
from crmwire.intake import token_hash
from crmwire.setting_up.naming import checked_name
from crmwire.store import setup

if TYPE_CHECKING:
    from crmwire.opening import Openings
    from crmwire.store import FeedRow

SIGNING = "signing"
ADDRESS = "address"
"""The names of a feed's two secrets: what webhooks are signed with, and where they are sent."""


def add(
    openings: Openings,
    name: str,
    *,
    source: str,
    team: str,
    signing_secret: str | None,
    allow_unsigned: bool,
    settings: Mapping[str, Any] | None,
) -> str:
    """Add a feed and return its address path, `/in/TOKEN`. Raises: ConfigurationError."""
    checked_name(name)
    openings.discovery.find("source", source).load()
    if not signing_secret and not allow_unsigned:
        raise ConfigurationError(
            f"The feed {name!r} has no signing secret.",
            remedy="Give the secret that the source signs with, or allow unsigned webhooks.",
        )
    token = secrets.token_urlsafe(16)
    now = openings.clock.now().timestamp()

    def job(db: Any) -> None:
        id_ = setup.insert_feed(
            db,
            name=name,
            team=team,
            source=source,
            token_hash=token_hash(token),
            settings=settings or {},
            allow_unsigned=allow_unsigned,
            since=None,
            now=now,
        )
        openings.vault.put_in(db, f"feed/{id_}", ADDRESS, token)
        if signing_secret:
            openings.vault.put_in(db, f"feed/{id_}", SIGNING, signing_secret)

    openings.store.write(job)
    return f"/in/{token}"


def address(openings: Openings, row: FeedRow) -> str:
    """The path that webhooks of a feed are sent to."""
    return f"/in/{openings.vault.get(row.owner, ADDRESS)}"


def is_signed(openings: Openings, row: FeedRow) -> bool:
    """Whether a feed has a secret that its webhooks are checked with."""
    return any(name.startswith(SIGNING) for name in openings.vault.all(row.owner))


def change(
    openings: Openings, name: str, *, settings: Mapping[str, Any], allow_unsigned: bool
) -> None:
    """Replace a feed's settings; its address and secret stay."""
    row = openings.store.feed(name)
    openings.store.write(
        lambda db: setup.update_feed(db, row.id, settings=settings, allow_unsigned=allow_unsigned)
    )


def set_signing_secret(openings: Openings, name: str, secret: str) -> None:
    """Replace a feed's signing secret."""
    openings.vault.put(openings.store.feed(name).owner, SIGNING, secret)


def remove(openings: Openings, name: str) -> None:
    """Remove a feed with its routes; what came in stays readable."""
    row, now = openings.store.feed(name), openings.clock.now().timestamp()
    openings.store.write(lambda db: setup.delete_feed(db, row.id, now))
