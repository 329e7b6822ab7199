"""Logging in to a connection, and out again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmwire.app.folder import OpenFolder
from crmwire.setting_up import disconnecting, inviting, logins

if TYPE_CHECKING:
    from crmwire.setting_up.disconnecting import Disconnected
    from crmwire.setting_up.logins import Connected, Started
    from crmwire.store import ConnectionRow


class Logins(OpenFolder):
    """Methods for logins."""

    def prepare_login(
        self, name: str, *, crm: str, team: str | None = None, settings: Mapping[str, Any]
    ) -> ConnectionRow:
        """The connection of that name, to log in to; made if there is none.

        Settings of one that is there change when the login has succeeded.
        Raises: ConfigurationError.
        """
        return logins.prepared(self.openings, name, crm=crm, team=team, settings=settings)

    def needs_person(self, name: str, settings: Mapping[str, Any]) -> bool:
        """Whether a login with these settings takes a person and a browser."""
        return logins.needs_person(self.openings, self.store.connection(name), settings)

    def begin_login(
        self,
        name: str,
        *,
        redirect_uri: str,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> Started:
        """Begin a login; a person's browser goes to its address, and comes back within 10 minutes.

        `secrets` are the app's: `client_secret`. Raises: ConfigurationError.
        """
        row = self.store.connection(name)
        return logins.begin(
            self.openings,
            row,
            redirect_uri=redirect_uri,
            settings=settings or {},
            secrets=secrets or {},
        )

    def finish_login(self, query: str) -> Connected:
        """Finish a login with the query that the browser brought back, once.

        Raises: LoginFailed, a Failure as the vendor refused it.
        """
        return logins.finish(self.openings, query)

    def log_in_by_itself(
        self,
        name: str,
        *,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> Connected:
        """Log in an app that needs no person, by its `client_secret` or `private_key`.

        Raises: ConfigurationError, LoginFailed, a Failure as the vendor refused it.
        """
        row = self.store.connection(name)
        return logins.by_itself(self.openings, row, settings=settings or {}, secrets=secrets or {})

    def invite(
        self,
        name: str,
        *,
        address: str,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> tuple[str, str]:
        """A link by which somebody logs in at the daemon, once, and the redirect address.

        `address` is where browsers reach the daemon. Raises: ConfigurationError.
        """
        row, redirect_uri = self.store.connection(name), inviting.public_callback(address)
        ticket = inviting.invite(
            self.openings,
            row,
            redirect_uri=redirect_uri,
            settings=settings or {},
            secrets=secrets or {},
        )
        return f"{address.rstrip('/')}/oauth/{row.crm}/start?ticket={ticket}", redirect_uri

    def disconnect(self, name: str) -> Disconnected:
        """End a connection's login, at the vendor too; routes stay and deliveries wait."""
        return disconnecting.disconnect(self.openings, name)
