"""Feeds: added, changed, removed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crmwire.app.folder import OpenFolder
from crmwire.errors import CrmwireError
from crmwire.setting_up import feeds

if TYPE_CHECKING:
    from crmwire.store import FeedRow


class Feeds(OpenFolder):
    """Methods for feeds."""

    def add_feed(
        self,
        name: str,
        *,
        source: str,
        team: str = "default",
        signing_secret: str | None = None,
        allow_unsigned: bool = False,
        settings: Mapping[str, Any] | None = None,
        api_token: str | None = None,
        since: datetime | None = None,
    ) -> str:
        """Add a feed and return its address path, `/in/TOKEN`.

        `api_token` is for the source's API, if it is asked; polling begins at `since` (by
        default: now). Raises: ConfigurationError.
        """
        return feeds.add(
            self.openings,
            name,
            source=source,
            team=team,
            signing_secret=signing_secret,
            allow_unsigned=allow_unsigned,
            settings=settings,
            api_token=api_token,
            since=since,
        )

    def is_polled(self, source: str, name: str, settings: Mapping[str, Any]) -> bool:
        """Whether a feed of these settings is asked for. Raises: ConfigurationError."""
        return feeds.checked_settings(self.openings, name, source, settings, None).is_polled()

    def feed_is_polled(self, row: FeedRow) -> bool:
        """Whether a feed is asked for; False as well if its plugin does not load."""
        try:
            return self.is_polled(row.source, row.name, row.settings)
        except CrmwireError:
            return False

    def needs_token(self, source: str, name: str, settings: Mapping[str, Any]) -> bool:
        """Whether a source's API asks for a token. Raises: ConfigurationError."""
        api = feeds.checked_settings(self.openings, name, source, settings, None).feed_api()
        return api is not None and not api.public

    def feed_address(self, row: FeedRow) -> str:
        """The path that webhooks of a feed are sent to."""
        return feeds.address(self.openings, row)

    def is_signed(self, row: FeedRow) -> bool:
        """Whether a feed has a secret that its webhooks are checked with."""
        return feeds.is_signed(self.openings, row)

    def change_feed(self, name: str, *, settings: Mapping[str, Any], allow_unsigned: bool) -> None:
        """Replace a feed's settings; its address and secret stay. Raises: ConfigurationError."""
        feeds.change(self.openings, name, settings=settings, allow_unsigned=allow_unsigned)

    def set_signing_secret(self, name: str, secret: str, *, keep_old: bool = False) -> None:
        """Replace a feed's signing secret; with `keep_old`, the one before still counts too."""
        feeds.set_signing_secret(self.openings, name, secret, keep_old=keep_old)

    def set_feed_token(self, name: str, token: str) -> None:
        """Replace the token that a feed's source is asked with."""
        feeds.set_api_token(self.openings, name, token)

    def remove_feed(self, name: str) -> None:
        """Remove a feed with its routes; what came in stays readable."""
        feeds.remove(self.openings, name)
