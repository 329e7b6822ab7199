"""What a vendor's login keeps: apps, consents, codes, tokens. The vendor's sandbox words it.

A sandbox has a `LoginBook` as `self.logins`; tokens that it gave open accounts beside the static
ones. It knows nothing of paths and bodies: the vendor's handlers ask it and turn `LoginRefused`
into the vendor's own answers. The page a person sees is in `crmwire.sandbox.loginpage`.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Literal
from urllib.parse import urlsplit

from attrs import define, field, frozen

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105  (a sandbox's secret is none)

Reason = Literal[
    "unknown_client",
    "wrong_secret",
    "wrong_redirect",
    "unknown_code",
    "expired_code",
    "used_code",
    "other_redirect",
    "other_client",
    "missing_challenge",
    "missing_verifier",
    "wrong_verifier",
    "unknown_refresh",
    "rotated_refresh",
    "ended",
]


class LoginRefused(Exception):
    """Why a login is refused; `detail` is the reason that an admin action gave, if any."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.detail = detail


@frozen(kw_only=True)
class LoginApp:
    """An app that is registered at the vendor. Without `redirects`, any address of localhost."""

    client_id: str = CLIENT_ID
    secret: str | None = CLIENT_SECRET
    redirects: tuple[str, ...] = ()

    def allows(self, redirect: str) -> bool:
        if self.redirects:
            return redirect in self.redirects
        parts = urlsplit(redirect)
        return parts.scheme in ("http", "https") and parts.hostname in ("localhost", "127.0.0.1")


@define(kw_only=True)
class LoginPolicy:
    """What an admin of the vendor sets; lives are in seconds, None lasts until it is revoked.

    With `rotation`, each refresh gives another refresh token and ends the one before; with
    `reuse_ends` as well, an old one that comes again ends the whole login.
    """

    code_life: float = 600.0
    access_life: float | None = 1800.0
    refreshable: bool = True
    rotation: bool = False
    reuse_ends: bool = True
    pkce: Literal["required", "optional", "ignored"] = "optional"


@define(kw_only=True, eq=False)
class Consent:
    """What a person (or an admin) allowed an app to do in an account, and its tokens.

    `access` has the access tokens and when each ends. `ended` says why it holds no more.
    """

    account: str
    app: LoginApp
    scopes: tuple[str, ...] = ()
    user: str = ""
    refresh: str | None = None
    rotated: set[str] = field(factory=set)
    access: dict[str, float | None] = field(factory=dict)
    ended: str = ""


@define(kw_only=True)
class _Code:
    consent: Consent
    redirect: str
    challenge: str | None
    expires_at: float
    used: bool = False


@frozen(kw_only=True)
class Issued:
    """Tokens just made. `refresh` is None if the client keeps the one it has."""

    consent: Consent
    access: str
    refresh: str | None
    expires_in: float | None


class LoginBook:
    """Apps, consents, codes and tokens of one sandbox."""

    def __init__(
        self,
        apps: Iterable[LoginApp] = (LoginApp(),),
        policy: LoginPolicy | None = None,
        *,
        clock: Callable[[], float] = time.time,
        make_token: Callable[[Literal["access", "refresh", "code"], str], str] | None = None,
    ) -> None:
        self.apps = {app.client_id: app for app in apps}
        self.policy = policy or LoginPolicy()
        self.consents: list[Consent] = []
        self.refreshes = 0
        """How many refreshes were answered."""
        self._clock = clock
        self._make = make_token or (lambda kind, account: f"{kind}-{secrets.token_urlsafe(32)}")
        self._codes: dict[str, _Code] = {}

    # ------------------------------------------------------------ the authorisation page

    def asked(self, client_id: str, redirect: str) -> LoginApp:
        """The app that asks for a login. Raises: LoginRefused, to be shown and not redirected."""
        app = self.apps.get(client_id)
        if app is None:
            raise LoginRefused("unknown_client")
        if not app.allows(redirect):
            raise LoginRefused("wrong_redirect")
        return app

    def consented(
        self,
        app: LoginApp,
        account: str,
        *,
        redirect: str,
        challenge: str | None = None,
        scopes: Iterable[str] = (),
        user: str = "",
    ) -> str:
        """A code for what a person just allowed. Raises: LoginRefused without a PKCE challenge."""
        if self.policy.pkce == "required" and not challenge:
            raise LoginRefused("missing_challenge")
        code = self._make("code", account)
        self._codes[code] = _Code(
            consent=Consent(account=account, app=app, scopes=tuple(scopes), user=user),
            redirect=redirect,
            challenge=challenge if self.policy.pkce != "ignored" else None,
            expires_at=self._clock() + self.policy.code_life,
        )
        return code

    # ------------------------------------------------------------ the token endpoint

    def client(self, client_id: str, secret: str | None) -> LoginApp:
        """The app that sends these. Raises: LoginRefused."""
        app = self.apps.get(client_id)
        if app is None:
            raise LoginRefused("unknown_client")
        if app.secret is not None and not secrets.compare_digest(app.secret, secret or ""):
            raise LoginRefused("wrong_secret")
        return app

    def exchange(
        self, app: LoginApp, code: str, *, redirect: str | None, verifier: str | None
    ) -> Issued:
        """Tokens for a code, once; a code that comes again ends what it gave. Raises: LoginRefused.

        `redirect` None is not compared: some vendors do not ask for it.
        """
        known = self._codes.get(code)
        if known is None:
            raise LoginRefused("unknown_code")
        if known.used:
            self.end_consent(known.consent, "code used twice")
            raise LoginRefused("used_code")
        if known.expires_at < self._clock():
            raise LoginRefused("expired_code")
        if known.consent.app is not app:
            raise LoginRefused("other_client")
        if redirect is not None and redirect != known.redirect:
            raise LoginRefused("other_redirect")
        if known.challenge is not None:
            if not verifier:
                raise LoginRefused("missing_verifier")
            if not secrets.compare_digest(_challenge(verifier), known.challenge):
                raise LoginRefused("wrong_verifier")
        known.used = True
        return self.issue(known.consent)

    def issue(self, consent: Consent, *, refreshable: bool = True) -> Issued:
        """Tokens for a consent, from a code or from an app that acts as itself."""
        if consent not in self.consents:
            self.consents.append(consent)
        access = self._access(consent)
        if refreshable and self.policy.refreshable:
            consent.refresh = self._make("refresh", consent.account)
        return self._issued(consent, access, consent.refresh)

    def refresh(self, app: LoginApp, token: str) -> Issued:
        """Another access token. Raises: LoginRefused."""
        for consent in self.consents:
            if token in consent.rotated:
                if self.policy.reuse_ends:
                    self.end_consent(consent, "refresh token used twice")
                raise LoginRefused("rotated_refresh")
            if consent.refresh == token and consent.app is app:
                if consent.ended:
                    raise LoginRefused("ended", consent.ended)
                self.refreshes += 1
                access, fresh = self._access(consent), None
                if self.policy.rotation:
                    consent.rotated.add(token)
                    fresh = consent.refresh = self._make("refresh", consent.account)
                return self._issued(consent, access, fresh)
        raise LoginRefused("unknown_refresh")

    # ------------------------------------------------------------ tokens in use

    def consent_of(self, access: str) -> Consent | None:
        """Whose access token this is, while it holds."""
        consent = self.consent_ever_of(access)
        if consent is None or consent.ended:
            return None
        ends = consent.access[access]
        return consent if ends is None or ends > self._clock() else None

    def consent_ever_of(self, access: str) -> Consent | None:
        """Whose access token this is or was."""
        return next((one for one in self.consents if access in one.access), None)

    def revoke(self, token: str) -> bool:
        """End the login that a token belongs to, or that access token alone; whether there is one.

        A refresh token takes its access tokens with it.
        """
        for consent in self.consents:
            if token in consent.access:
                consent.access[token] = 0.0
                return True
            if token == consent.refresh:
                self.end_consent(consent, "revoked")
                return True
        return False

    def end_consent(self, consent: Consent, why: str) -> None:
        """Let a login hold no more."""
        consent.ended = why

    # ------------------------------------------------------------ what an admin does

    def end(self, account: str, why: str = "revoked") -> int:
        """End every login to an account; how many there were."""
        ended = [one for one in self.consents if one.account == account and not one.ended]
        for consent in ended:
            self.end_consent(consent, why)
        return len(ended)

    def expire(self, account: str) -> None:
        """Let all access tokens to an account end now."""
        for consent in self.consents:
            if consent.account == account:
                consent.access = dict.fromkeys(consent.access, 0.0)

    def restore(self, account: str) -> None:
        """Undo `end`: a user who is active again, an address that is allowed again."""
        for consent in self.consents:
            if consent.account == account:
                consent.ended = ""

    # ------------------------------------------------------------ inside

    def _access(self, consent: Consent) -> str:
        access = self._make("access", consent.account)
        life = self.policy.access_life
        consent.access[access] = None if life is None else self._clock() + life
        return access

    def _issued(self, consent: Consent, access: str, refresh: str | None) -> Issued:
        return Issued(
            consent=consent, access=access, refresh=refresh, expires_in=self.policy.access_life
        )


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
