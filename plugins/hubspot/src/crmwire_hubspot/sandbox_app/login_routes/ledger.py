"""What all routes of the login work with: the book of logins, the portals and the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from crmwire.sandbox.logins import Consent, LoginApp, LoginBook
from crmwire_hubspot.sandbox_app.portal import Portal

if TYPE_CHECKING:
    from crmwire.sandbox import Account

USER_ID = 4_711
Form = Mapping[str, str]


@frozen(kw_only=True)
class Ledger:
    """The logins of all portals of one sandbox. `clock` is in seconds."""

    book: LoginBook
    accounts: Mapping[str, Account]
    clock: Callable[[], float]

    def client(self, form: Form) -> LoginApp:
        """The app that asks. Raises: LoginRefused."""
        return self.book.client(form.get("client_id", ""), form.get("client_secret"))

    def by_refresh(self, token: str) -> Consent | None:
        """The login whose refresh token this is, unless it has ended."""
        return next(
            (one for one in self.book.consents if one.refresh == token and not one.ended), None
        )

    def portals(self) -> list[Portal]:
        """All portals."""
        return [one for one in self.accounts.values() if isinstance(one, Portal)]

    def portal_of(self, consent: Consent) -> Portal:
        """The portal that a login is for."""
        portal = self.accounts[consent.account]
        assert isinstance(portal, Portal)
        return portal


def held(consent: Consent, portal: Portal) -> list[str]:
    """What was consented to, less what the account has lost since."""
    return [scope for scope in consent.scopes if scope in portal.scopes]
