"""Alerts: who is told, and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmwire.app.folder import OpenFolder
from crmwire.setting_up import alerts

if TYPE_CHECKING:
    from crmwire.alerting.addresses import TargetKind
    from crmwire.setting_up.alerts import WrongNow
    from crmwire.store.alerts import Digest, TargetRow
    from crmwire.store.checks import CheckRow


class Alerts(OpenFolder):
    """Methods for alerts."""

    def add_alert(
        self,
        name: str,
        *,
        address: str,
        kind: TargetKind = "apprise",
        team: str = "default",
        digest: Digest = "daily",
        secret: str | None = None,
    ) -> TargetRow:
        """Tell a place when something is wrong: an address of apprise, or a webhook's URL.

        Team `*` hears of all teams. Raises: ConfigurationError, which never repeats the address.
        """
        return alerts.add(
            self.openings,
            name,
            address=address,
            kind=kind,
            team=team,
            digest=digest,
            secret=secret,
        )

    def change_alert(
        self,
        name: str,
        *,
        digest: Digest | None = None,
        address: str | None = None,
        secret: str | None = None,
    ) -> TargetRow:
        """Change where, or how often, an alert is told. Raises: ConfigurationError."""
        return alerts.change(self.openings, name, digest=digest, address=address, secret=secret)

    def remove_alert(self, name: str) -> None:
        """Tell a place no more."""
        alerts.remove(self.openings, name)

    def test_alert(self, name: str) -> str | None:
        """Send a message that nothing is wrong; None if it arrived, else what went wrong."""
        return alerts.test(self.openings, name)

    def alerts(self) -> list[TargetRow]:
        return alerts.all_of(self.openings)

    def alert_secret(self, name: str) -> str | None:
        """What a webhook's alerts are signed with."""
        return alerts.signing_secret(self.openings, name)

    def last_checks(self) -> dict[str, CheckRow]:
        """What was last checked, by `connection/ID` and `feed/ID`."""
        return alerts.last_checks(self.openings)

    def wrong_now(self) -> list[WrongNow]:
        """All that is wrong now, the oldest first."""
        return alerts.wrong_now(self.openings)
