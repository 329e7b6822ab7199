"""Checks of a plugin's login by OAuth 2: what it says of it, and its sandbox's pages."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from crmwire.connections import Connection
from crmwire.errors import Failure, NeedsLogin, RetryLater
from crmwire.hosts import checked_base_url
from crmwire.http import Request
from crmwire.logins import endpoint, forms, grants, redirects
from crmwire.logins.answers import Tokens
from crmwire.sandbox import CLIENT_ID, CLIENT_SECRET
from crmwire.sandbox.loginpage import NoForm, press
from crmwire.testing.connect import connect
from crmwire.testing.contract_base import TOKENS, ContractBase
from crmwire.testing.purity import watched
from crmwire.types import OAuth2

REDIRECT = "http://localhost:8765/oauth/callback"
CODES = (
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "invalid_scope",
    "unsupported_grant_type", "access_denied", "server_error", "temporarily_unavailable",
)  # fmt: skip


class LoginChecks(ContractBase):
    """A plugin's login is what it says, and its sandbox lets a person in and out.

    Left out for a plugin without OAuth 2. `login_settings` are more settings of a connection that
    logs in.
    """

    def login_settings(self) -> dict[str, Any]:
        """More settings of a connection that logs in by the sandbox's pages."""
        return {}

    # ------------------------------------------------------------ what it says

    def test_login_addresses_are_the_vendors(self) -> None:
        """A secret is sent to https addresses within the plugin's host suffixes alone."""
        oauth = self._oauth(self.conn)
        vendor = self._at_vendor()
        for url in (vendor.authorize_url, vendor.token_url, vendor.revoke_url):
            if url is not None:
                assert url.startswith("https://")
                assert checked_base_url(url, self.conn.info.host_suffixes)
        assert oauth.grants
        assert oauth.margin > 0
        assert oauth.lifetime is None or oauth.lifetime > 0
        assert oauth.keep_alive is None or oauth.refreshable
        if "jwt_bearer" in oauth.grants:
            assert oauth.audience

    @pytest.mark.parametrize("code", CODES)
    @pytest.mark.parametrize("status", [0, 400, 401, 403])
    def test_refused_logins_are_failures_with_a_remedy(self, status: int, code: str) -> None:
        """Whatever the login answers, it is a Failure that says what to do, and pure."""
        self._oauth(self.conn)
        body = json.dumps({"error": code, "error_description": "because"})
        failure = self.conn.hooks.classify_login_error(status, {}, body)
        assert isinstance(failure, Failure)
        assert failure.message
        assert failure.remedy or isinstance(failure, RetryLater)
        hooks = self.conn.hooks
        hooks.alive = lambda: None
        with watched() as seen:
            again = hooks.classify_login_error(status, {}, body)
        assert not seen, f"classify_login_error is not pure: {seen[0]}"
        assert repr(again) == repr(failure)

    def test_a_lost_grant_is_a_lost_login(self) -> None:
        """`invalid_grant` asks for a person; the remedy names the command and the connection."""
        self._oauth(self.conn)
        body = json.dumps({"error": "invalid_grant", "error_description": "gone"})
        failure = self.conn.hooks.classify_login_error(400, {}, body)
        assert isinstance(failure, NeedsLogin)
        assert f"crmwire connect {self.conn.crm} --name {self.conn.name}" in failure.remedy

    @pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"error": []}', "<html></html>"])
    def test_an_answer_that_says_nothing_is_no_lost_login(self, body: str) -> None:
        """What cannot be read, and what a vendor says that is down, passes."""
        self._oauth(self.conn)
        for status in (500, 502, 503, 429):
            assert isinstance(endpoint.refusal(self.conn, status, {}, body), RetryLater)
        assert not isinstance(self.conn.hooks.classify_login_error(200, {}, body), NeedsLogin)

    # ------------------------------------------------------------ the sandbox's pages

    def test_who_consents_is_logged_in_to_the_chosen_account(self) -> None:
        """The tokens that the pages give work on the API, for that account."""
        conn = self._logging_in()
        opened = self._opened_with(self._tokens(conn))
        assert opened.hooks.check_connection().account_id == self._account_id(self.conn)

    def test_who_denies_comes_back_with_an_error(self) -> None:
        """It is a failure, and no code is given."""
        conn = self._logging_in()
        redirect = redirects.read_redirect(self._back(conn, decision="deny"))
        assert redirect.code is None
        assert redirect.error
        with pytest.raises(Failure):
            redirects.code_of(conn, redirect)

    def test_an_unknown_app_and_a_strange_address_never_come_back(self) -> None:
        """The vendor shows a page instead; no browser is sent to an address that is not ours."""
        conn = self._logging_in()
        for more in ({"client_id": "stranger"}, {"redirect": "https://evil.example.net/x"}):
            with pytest.raises(NoForm):
                self._back(conn, **more)

    def test_a_code_is_good_once(self) -> None:
        """Neither a second time, nor if it was made up, nor with a wrong secret."""
        conn = self._logging_in()
        code = self._code(conn)
        assert self._exchanged(conn, code).access_token
        another = self._code(conn)
        for wrong, secret in (
            (code, CLIENT_SECRET),
            ("nobody-gave-this", CLIENT_SECRET),
            (another, "wrong"),
        ):
            with pytest.raises(Failure) as caught:
                self._exchanged(conn, wrong, secret)
            assert not isinstance(caught.value, RetryLater)

    def test_another_token_is_had_without_a_person(self) -> None:
        """A refresh gives a token that works; a refresh token that was made up is a lost login."""
        conn = self._logging_in()
        if not self._oauth(conn).refreshable:
            pytest.skip("the vendor's logins are not refreshed")
        first = self._tokens(conn)
        assert first.refresh_token, "there is nothing to refresh with"
        form = forms.refresh_form(
            client_id=CLIENT_ID, secret=CLIENT_SECRET, token=first.refresh_token
        )
        again = endpoint.ask(conn, form)
        opened = self._opened_with(again)
        assert opened.hooks.check_connection().account_id == self._account_id(self.conn)
        form = forms.refresh_form(client_id=CLIENT_ID, secret=CLIENT_SECRET, token="made-up")  # noqa: S106
        with pytest.raises(NeedsLogin):
            endpoint.ask(conn, form)

    def test_a_revoked_login_is_lost(self) -> None:
        """What `revocation` asks for ends the login; without that hook's answer it cannot be."""
        conn = self._logging_in()
        tokens = self._tokens(conn)
        token = tokens.refresh_token or tokens.access_token
        request = conn.hooks.revocation(token)
        if request is None:
            pytest.skip("the vendor offers no way to revoke a token")
        assert checked_base_url(request.path, conn.info.host_suffixes)
        status, _, body = endpoint.send(conn, _filled(request))
        assert status < 300, body
        if tokens.refresh_token is not None:
            form = forms.refresh_form(client_id=CLIENT_ID, secret=CLIENT_SECRET, token=token)
            with pytest.raises(NeedsLogin):
                endpoint.ask(conn, form)
        else:
            with pytest.raises(NeedsLogin):
                self._opened_with(tokens).hooks.check_connection()

    def test_a_login_that_the_vendor_ended_is_lost(self) -> None:
        """An access token that is over is refused on the API as a lost login."""
        conn = self._logging_in()
        opened = self._opened_with(self._tokens(conn))
        opened.hooks.check_connection()
        self.sandbox.logins.expire(TOKENS[0])
        with pytest.raises(NeedsLogin):
            opened.hooks.check_connection()

    # ------------------------------------------------------------ inside

    def _oauth(self, conn: Connection) -> OAuth2:
        if conn.scheme.oauth is None:
            pytest.skip("the plugin has no login by OAuth 2")
        return conn.scheme.oauth

    def _at_vendor(self) -> OAuth2:
        """The login as it is without a sandbox."""
        return self._oauth(connect(self.plugin, self.conn.scheme.base_url))

    def _logging_in(self) -> Connection:
        self._oauth(self.conn)
        if "authorization_code" not in self._oauth(self.conn).grants:
            pytest.skip("nobody logs in by a browser")
        return self.connection(
            TOKENS[0],
            checked=False,
            login_host=self.url,
            client_id=CLIENT_ID,
            **self.login_settings(),
        )

    def _back(
        self,
        conn: Connection,
        *,
        decision: str = "allow",
        client_id: str = CLIENT_ID,
        redirect: str = REDIRECT,
    ) -> str:
        """The query that a browser brings back; the first account is chosen."""
        oauth = endpoint.oauth_of(conn)
        self._verifier = forms.code_verifier() if oauth.pkce else None
        address = forms.authorisation_address(
            oauth,
            client_id=client_id,
            redirect_uri=redirect,
            state="state-of-the-test",
            scopes=grants.scopes_of(conn),
            verifier=self._verifier,
        )
        query = urlsplit(press(address, decision=decision)).query
        assert parse_qs(query)["state"] == ["state-of-the-test"]
        return query

    def _code(self, conn: Connection) -> str:
        return redirects.code_of(conn, redirects.read_redirect(self._back(conn)))

    def _exchanged(self, conn: Connection, code: str, secret: str = CLIENT_SECRET) -> Tokens:
        form = forms.code_form(
            client_id=CLIENT_ID,
            secret=secret,
            code=code,
            redirect_uri=REDIRECT,
            verifier=self._verifier,
        )
        return endpoint.ask(conn, form)

    def _tokens(self, conn: Connection) -> Tokens:
        return self._exchanged(conn, self._code(conn))

    def _opened_with(self, tokens: Tokens) -> Connection:
        return self.connection(tokens.access_token, checked=False)

    def _account_id(self, conn: Connection) -> str:
        assert conn.report is not None
        return conn.report.account_id


def _filled(request: Request) -> Request:
    stand = {"{client_id}": CLIENT_ID, "{client_secret}": CLIENT_SECRET}
    form = {name: stand.get(value, value) for name, value in (request.form or {}).items()}
    return attrs.evolve(request, form=form if request.form is not None else None)
