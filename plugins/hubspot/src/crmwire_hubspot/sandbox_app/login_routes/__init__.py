"""HubSpot's login: the page on which an app is connected to an account, and the token endpoint.

Paths and members are those of the OpenAPI documents (`oauth`, 2026-09, 2026-03, v3, v1). The
page's own wordings are made up; what it refuses is documented: an unknown app, an address that is
not registered, a scope that the app does not have, a user who may not install apps. Of an
optional scope that the account lacks nothing is said: it is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute

from crmwire.sandbox.logins import LoginBook
from crmwire_hubspot.sandbox_app.login_routes.facts import Facts
from crmwire_hubspot.sandbox_app.login_routes.ledger import Ledger
from crmwire_hubspot.sandbox_app.login_routes.page import Page
from crmwire_hubspot.sandbox_app.login_routes.tokens import Tokens
from crmwire_hubspot.sandbox_app.portal import SCHEMA_SCOPES, SCOPES

if TYPE_CHECKING:
    from crmwire.sandbox import Account


class Logins:
    """The login of all portals of one sandbox. `app_scopes` are those set on the app itself.

    `idle_life` is in seconds. Guess: HubSpot's documentation knows no end of a refresh token by
    time, while one product says that a login which is not used for 180 days is lost.
    """

    def __init__(
        self,
        book: LoginBook,
        accounts: Mapping[str, Account],
        app_scopes: frozenset[str] | None,
        *,
        clock: Callable[[], float],
        idle_life: float | None = None,
    ) -> None:
        ledger = Ledger(book=book, accounts=accounts, clock=clock)
        self._parts = (
            Page(ledger, app_scopes or SCOPES | SCHEMA_SCOPES),
            Tokens(ledger, idle_life),
            Facts(ledger),
        )

    def routes(self) -> list[BaseRoute]:
        return [route for part in self._parts for route in part.routes()]
