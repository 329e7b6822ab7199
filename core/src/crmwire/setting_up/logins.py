"""Logging a connection in: begun, finished, and kept only if it is the account it should be.

What a login changes (app, settings, secrets) waits beside its `state` until it has succeeded, so
that a login that is given up leaves the connection as it was.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from crmwire.errors import ConfigurationError, LoginFailed
from crmwire.logins import forms, grants, redirects
from crmwire.logins.answers import Tokens
from crmwire.logins.endpoint import ask, oauth_of
from crmwire.opening import lane_of
from crmwire.setting_up.begun import Secrets, keep, known_secrets, taken
from crmwire.setting_up.naming import checked_name, checked_zone
from crmwire.store import audit, logins, setup

if TYPE_CHECKING:
    from crmwire.opening import Openings
    from crmwire.store import ConnectionRow
    from crmwire.types import ConnectionReport

LIFE = 600.0
"""Seconds in which a login that was begun must come back."""


@frozen(kw_only=True)
class Started:
    """A login on its way: where the person goes, and the state that comes back."""

    address: str = field(repr=False)
    state: str = field(repr=False)
    redirect_uri: str
    hint: str = ""


@frozen(kw_only=True)
class Connected:
    """A login that succeeded. `missing` are scopes asked for and not given, `declined` optional."""

    name: str
    crm: str
    report: ConnectionReport
    again: bool
    missing: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """What a person is told at the end, on a page."""
        text = f"The connection {self.name} is {self.report.account_name} now"
        if self.report.user_name:
            text += f", as {self.report.user_name}"
        if self.missing:
            text += f". The CRM did not give: {', '.join(self.missing)}"
        return f"{text}."


def prepared(
    openings: Openings, name: str, *, crm: str, team: str | None, settings: Mapping[str, Any]
) -> ConnectionRow:
    """The connection of that name; made, without a login, if there is none.

    Raises: ConfigurationError if the name is another CRM's or team's, or the settings are wrong.
    """
    checked_name(name)
    openings.discovery.find("crm", crm).load()
    known = next((row for row in openings.store.connections() if row.name == name), None)
    if known is not None and (known.crm != crm or team not in (None, known.team)):
        raise ConfigurationError(
            f"There is a connection {name!r} already, to {known.crm} for team {known.team}.",
            remedy=f"Use another name, or `crmwire connection remove {name}` first.",
        )
    conn = openings.trial(name, crm, {**(known.settings if known else {}), **settings})
    try:
        checked_zone(conn.settings.zone)
        grants.grant_of(conn)
        grants.client_id_of(conn)
    finally:
        conn.close()
    if known is not None:
        return known
    now = openings.clock.now().timestamp()

    def job(db: Any) -> None:
        id_ = setup.insert_connection(
            db, name=name, team=team or "default", crm=crm, settings=settings, now=now
        )
        logins.logged_in(db, id_, logins.NOBODY, now)
        logins.wait_for_login(db, id_, crm, name)
        audit.record(db, now, "added", "connection", name, crm=crm, team=team or "default")

    openings.store.write(job)
    return openings.store.connection(name)


def needs_person(openings: Openings, row: ConnectionRow, settings: Mapping[str, Any]) -> bool:
    """Whether a login with these settings takes a person and a browser."""
    conn = openings.trial(row.name, row.crm, {**row.settings, **settings})
    try:
        return grants.grant_of(conn) == "authorization_code"
    finally:
        conn.close()


# ---------------------------------------------------------------- by a person


def begin(
    openings: Openings,
    row: ConnectionRow,
    *,
    redirect_uri: str,
    settings: Mapping[str, Any],
    secrets: Secrets,
    browser: str | None = None,
) -> Started:
    """Begin a login that comes back to `redirect_uri`. Raises: ConfigurationError.

    `browser` is a secret that the person's browser keeps: only it may bring the login back.
    """
    merged = {**row.settings, **settings}
    conn = openings.trial(row.name, row.crm, merged)
    try:
        oauth = oauth_of(conn)
        if grants.grant_of(conn) != "authorization_code":
            raise ConfigurationError(f"The connection {row.name} logs in without a person.")
        kept = {**known_secrets(openings, row, merged), **secrets}
        grants.check_complete(conn, kept)
        state = random.token_urlsafe(32)
        verifier = forms.code_verifier() if oauth.pkce else None
        address = forms.authorisation_address(
            oauth,
            client_id=grants.client_id_of(conn),
            redirect_uri=redirect_uri,
            state=state,
            scopes=grants.scopes_of(conn),
            verifier=verifier,
        )
    finally:
        conn.close()
    if verifier is not None:
        kept[grants.CODE_VERIFIER] = verifier
    keep(openings, "login_states", state, row, redirect_uri, merged, kept, LIFE, browser)
    return Started(address=address, state=state, redirect_uri=redirect_uri, hint=oauth.hint)


def finish(openings: Openings, query: str, *, browser: str | None = None) -> Connected:
    """Finish the login that a browser brought back, once.

    `browser` is the secret that a browser at the daemon shows, None for one that came back to a
    waiting command: each can only finish what was begun there.

    Raises: LoginFailed if it is none of ours, or came too late; a Failure if the vendor refused.
    """
    redirect = redirects.read_redirect(query)
    key = logins.hashed(redirect.state)
    with openings.store.read() as db:
        begun = logins.look(db, "login_states", key)
    if begun is None:
        raise LoginFailed(
            "This login was not begun here, or is over already.", remedy=redirects.AGAIN
        )
    if begun.browser != (None if browser is None else logins.hashed(browser)):
        raise LoginFailed(
            "The login came back in another browser than it was begun in.", remedy=redirects.AGAIN
        )
    begun, kept = taken(openings, "login_states", key)
    row = openings.store.connection_by_id(begun.connection)
    if row.state == "removed":
        raise LoginFailed("The connection was removed meanwhile.")
    conn = openings.trial(row.name, row.crm, begun.settings)
    try:
        code = redirects.code_of(conn, redirect)
        verifier = kept.pop(grants.CODE_VERIFIER, None)
        form = forms.code_form(
            client_id=grants.client_id_of(conn),
            secret=kept.get(grants.CLIENT_SECRET),
            code=code,
            redirect_uri=begun.redirect_uri,
            verifier=verifier,
        )
        tokens = ask(conn, form)
    finally:
        conn.close()
    return _kept(openings, row, begun.settings, kept, tokens, begun.number)


# ---------------------------------------------------------------- by an app


def by_itself(
    openings: Openings, row: ConnectionRow, *, settings: Mapping[str, Any], secrets: Secrets
) -> Connected:
    """Log in an app that needs no person. Raises: ConfigurationError, LoginFailed, a Failure."""
    merged = {**row.settings, **settings}
    kept = {**known_secrets(openings, row, merged), **secrets}
    with openings.store.read() as db:
        number = logins.number(db, row.id)
    conn = openings.trial(row.name, row.crm, merged)
    try:
        tokens = grants.by_itself(conn, kept)
    finally:
        conn.close()
    return _kept(openings, row, merged, kept, tokens, number)


# ---------------------------------------------------------------- inside


def _kept(
    openings: Openings,
    row: ConnectionRow,
    settings: Mapping[str, Any],
    kept: Secrets,
    tokens: Tokens,
    number: int,
) -> Connected:
    """See whose tokens these are and keep them. Raises: LoginFailed, a Failure."""
    at = openings.clock.now().timestamp()
    conn = openings.trial(row.name, row.crm, settings, login=lambda _: _Fresh(tokens))
    try:
        report = conn.hooks.check_connection()
        kind = grants.grant_of(conn)
        wanted, optional = grants.scopes_of(conn), oauth_of(conn).optional_scopes
    finally:
        conn.close()
    known = row.account
    if known not in (None, report.account_id):
        name = row.report.account_name if row.report is not None else known
        raise LoginFailed(
            f"You logged in to {report.account_name} ({report.account_id}), but the connection "
            f"{row.name} belongs to {name} ({known}).",
            remedy=f"Log in to {name}, or use another --name for this account.",
        )

    def job(db: Any) -> None:
        if logins.number(db, row.id) != number:
            raise LoginFailed(
                "Somebody else logged in, or disconnected, meanwhile.", remedy=redirects.AGAIN
            )
        setup.update_connection(db, row.id, settings=settings)
        logins.remove_secrets(db, row.owner, grants.OF_A_LOGIN)
        made = {**kept, grants.ACCESS_TOKEN: tokens.access_token}
        if tokens.refresh_token is not None:
            made[grants.REFRESH_TOKEN] = tokens.refresh_token
        for name, value in made.items():
            openings.vault.put_in(db, row.owner, name, value)
        ends = None if tokens.expires_in is None else at + tokens.expires_in
        logins.logged_in(
            db, row.id, kind, at, expires_at=ends, base_url=tokens.base_url, scopes=tokens.scopes
        )
        setup.set_report(db, row.id, report, lane_of(row.crm, report.account_id))
        setup.set_connection_state(db, row.id, "ok")
        who = report.user_name or report.user_id or None
        audit.record(
            db,
            at,
            "connected",
            "connection",
            row.name,
            crm=row.crm,
            account=report.account_name,
            user=who,
        )

    openings.store.write(job)
    granted = frozenset(tokens.scopes)
    return Connected(
        name=row.name,
        crm=row.crm,
        report=report,
        again=known is not None,
        missing=tuple(one for one in wanted if one not in granted) if granted else (),
        declined=tuple(one for one in optional if one not in granted) if granted else (),
    )


class _Fresh:
    """Tokens that are not kept yet: only to see whose they are."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def token(self) -> str | None:
        return self._tokens.access_token

    def renewed(self, refused: str) -> bool:
        return False

    def base_url(self) -> str | None:
        return self._tokens.base_url

    def number(self) -> int:
        return 0

    def scopes(self) -> tuple[str, ...] | None:
        return self._tokens.scopes or None

    def try_again(self) -> None:
        return None

    def refresh(self) -> None:
        return None
