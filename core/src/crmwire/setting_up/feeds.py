"""Feeds: where webhooks of a source come in, under a secret address and with a secret."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crmwire import feed_settings, stored
from crmwire.errors import ConfigurationError
from crmwire.intake import token_hash
from crmwire.opening import TOKEN
from crmwire.setting_up.naming import checked_name
from crmwire.store import audit, polls, setup
from crmwire.types import Feed

if TYPE_CHECKING:
    from crmwire.hooks import SourceHooks
    from crmwire.opening import Openings
    from crmwire.store import FeedRow

SIGNING = "signing"
SIGNING_OLD = "signing-old"
ADDRESS = "address"
"""The names of a feed's secrets: what webhooks are signed with, and where they are sent; the
token for the source's API is called as a connection's is."""


def add(
    openings: Openings,
    name: str,
    *,
    source: str,
    team: str,
    signing_secret: str | None,
    allow_unsigned: bool,
    settings: Mapping[str, Any] | None,
    api_token: str | None = None,
    since: datetime | None = None,
) -> str:
    """Add a feed and return its address path, `/in/TOKEN`. Raises: ConfigurationError."""
    checked_name(name)
    hooks = checked_settings(openings, name, source, settings or {}, api_token)
    if not signing_secret and not allow_unsigned and needs_secret(hooks):
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
            since=stored.timestamp(since),
            now=now,
        )
        openings.vault.put_in(db, f"feed/{id_}", ADDRESS, token)
        if signing_secret:
            openings.vault.put_in(db, f"feed/{id_}", SIGNING, signing_secret)
        if api_token:
            openings.vault.put_in(db, f"feed/{id_}", TOKEN, api_token)
        audit.record(
            db, now, "added", "feed", name, source=source, team=team, signed=bool(signing_secret)
        )

    openings.store.write(job)
    return f"/in/{token}"


def checked_settings(
    openings: Openings, name: str, source: str, settings: Mapping[str, Any], token: str | None
) -> SourceHooks:
    """The source's hooks, if it makes something of these settings. Raises: ConfigurationError."""
    hooks = openings.source_hooks(source)
    hooks.feed = Feed(name=name, source=source, settings=settings, token=token)
    only_known(hooks, name, settings)
    hooks.feed_api()
    hooks.list_pages()
    return hooks


def only_known(hooks: SourceHooks, name: str, settings: Mapping[str, Any]) -> None:
    """Refuse a setting that the source does not know, if it says which it knows.

    Raises: ConfigurationError.
    """
    known = hooks.source_info().settings
    if known is None:
        return
    whole = {*feed_settings.CORE, *known} - ({"poll_every"} if not hooks.is_polled() else set())
    begun = tuple(one for one in known if one.endswith("."))
    unknown = sorted(
        one for one in settings if one not in whole and not (begun and one.startswith(begun))
    )
    if unknown:
        can = ", ".join(f"{one}NAME" if one.endswith(".") else one for one in sorted(whole))
        raise ConfigurationError(
            f"The source {hooks.source_info().key} has no setting {', '.join(unknown)}"
            f" (feed {name}).",
            remedy=f"It has: {can}.",
        )


def told_once(hooks: SourceHooks, settings: Mapping[str, Any]) -> str | None:
    """What two feeds have in common that tell the same events; None where that cannot be."""
    info = hooks.source_info()
    if not info.once:
        return None
    return " ".join([info.key, *(f"{name}={settings.get(name)}" for name in info.once)])


def needs_secret(hooks: SourceHooks) -> bool:
    """Whether a feed is of no use without a signing secret: it takes webhooks and nothing else."""
    return bool(hooks.chain("parse_webhook")) and not hooks.is_polled()


def address(openings: Openings, row: FeedRow) -> str:
    """The path that webhooks of a feed are sent to."""
    return f"/in/{openings.vault.get(row.owner, ADDRESS)}"


def is_signed(openings: Openings, row: FeedRow) -> bool:
    """Whether a feed has a secret that its webhooks are checked with."""
    return any(name.startswith(SIGNING) for name in openings.vault.all(row.owner))


def change(
    openings: Openings, name: str, *, settings: Mapping[str, Any], allow_unsigned: bool
) -> None:
    """Replace a feed's settings; its address and secret stay. Raises: ConfigurationError."""
    row = openings.store.feed(name)
    token = openings.vault.all(row.owner).get(TOKEN)
    checked_settings(openings, name, row.source, settings, token)
    now = openings.clock.now().timestamp()
    changed = audit.different(
        {**row.settings, "allow_unsigned": row.allow_unsigned},
        {**settings, "allow_unsigned": allow_unsigned},
    )

    def job(db: Any) -> None:
        setup.update_feed(db, row.id, settings=settings, allow_unsigned=allow_unsigned)
        polls.ask_soon(db, row.id)
        if changed:
            audit.record(db, now, "changed", "feed", name, settings=changed)

    openings.store.write(job)


def set_signing_secret(
    openings: Openings, name: str, secret: str, *, keep_old: bool = False
) -> None:
    """Replace a feed's signing secret; with `keep_old`, the one before counts until the next."""
    old = openings.vault.get(openings.store.feed(name).owner, SIGNING) if keep_old else None
    _put(openings, name, SIGNING, secret, {SIGNING_OLD: old if old != secret else None})


def set_api_token(openings: Openings, name: str, token: str) -> None:
    """Replace the token that the source's API is asked with."""
    _put(openings, name, TOKEN, token, {})


def _put(
    openings: Openings, feed: str, name: str, secret: str, others: Mapping[str, str | None]
) -> None:
    row, now = openings.store.feed(feed), openings.clock.now().timestamp()

    def job(db: Any) -> None:
        openings.vault.put_in(db, row.owner, name, secret)
        for other, value in others.items():
            if value is None:
                setup.delete_secret(db, row.owner, other)
            else:
                openings.vault.put_in(db, row.owner, other, value)
        polls.ask_soon(db, row.id)
        audit.record(db, now, "changed", "feed", feed, secrets=(name,))

    openings.store.write(job)


def remove(openings: Openings, name: str) -> None:
    """Remove a feed with its routes; what came in stays readable."""
    row, now = openings.store.feed(name), openings.clock.now().timestamp()

    def job(db: Any) -> None:
        setup.delete_feed(db, row.id, now)
        audit.record(db, now, "removed", "feed", name, source=row.source, team=row.team)

    openings.store.write(job)
