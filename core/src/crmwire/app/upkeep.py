"""Checks, personal data and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmwire import checking, forgetting, purging, rotating
from crmwire.app.folder import OpenFolder
from crmwire.checking import Checked
from crmwire.store import purging as stored_purging

if TYPE_CHECKING:
    from crmwire.forgetting import Forgotten
    from crmwire.rotating import KeyState, Rotation


class Upkeep(OpenFolder):
    """Methods for those who look after a data folder."""

    def check(self, name: str) -> Checked:
        """Ask a connection's CRM who we are and hold its routes' mappings against the schema."""
        return checking.check_connection(self.openings, name)

    def check_feed(self, name: str) -> Checked:
        """Whether a feed's plugin loads and its webhooks are signed."""
        return checking.check_feed(self.openings, name)

    def forget(self, email: str, *, rehearse: bool = False) -> Forgotten:
        """Remove a person from all that is stored (see `crmwire.forgetting`)."""
        return forgetting.forget(self.store, self.clock, email, rehearse=rehearse)

    def retention(self) -> int | None:
        """How many days payloads are kept; None: as long as the data folder."""
        with self.store.read() as db:
            return stored_purging.retention(db)

    def set_retention(self, days: int | None) -> None:
        """Keep payloads for so many days; None: as long as the data folder."""
        purging.set_retention(self.store, days, self.clock.now().timestamp())

    def keys(self) -> list[KeyState]:
        """The keys of the vault: how many secrets each encrypts, and which is for new ones."""
        return rotating.key_states(self.store, self.vault)

    def rotate_keys(self, *, given: tuple[str, bytes] | None = None, **more: Any) -> Rotation:
        """Move all secrets to a new key, also while the daemon runs (see `crmwire.rotating`)."""
        now = self.clock.now()
        return rotating.rotated(self.home, self.store, self.vault, now=now, given=given, **more)

    def remove_key(self, key_id: str) -> None:
        """Take a key that nothing here needs out of the key file. Raises: ConfigurationError."""
        rotating.removed_key(self.store, self.vault, key_id, self.clock.now())
