"""The ways to a token: which secrets each needs, and what it asks the vendor with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from crmwire.errors import ConfigurationError, NeedsLogin
from crmwire.logins import forms
from crmwire.logins.answers import Tokens
from crmwire.logins.endpoint import ask, oauth_of
from crmwire.types import Grant

if TYPE_CHECKING:
    from crmwire.connections import Connection

TOKEN = "token"  # noqa: S105  (the names of secrets, not secrets)
ACCESS_TOKEN = "access_token"  # noqa: S105
REFRESH_TOKEN = "refresh_token"  # noqa: S105
CLIENT_SECRET = "client_secret"  # noqa: S105
PRIVATE_KEY = "private_key"
CODE_VERIFIER = "code_verifier"
OF_A_LOGIN = (TOKEN, ACCESS_TOKEN, REFRESH_TOKEN, CLIENT_SECRET, PRIVATE_KEY)
"""The secrets of a connection that stand for its login."""

Secrets = Mapping[str, str]


def grant_of(conn: Connection) -> Grant:
    """How this connection logs in: as it is set, else the usual way of its CRM.

    Raises: ConfigurationError.
    """
    oauth = oauth_of(conn)
    grant = conn.settings.grant or oauth.grants[0]
    if grant not in oauth.grants:
        raise ConfigurationError(
            f"{conn.info.title} has no login of the kind {grant}.",
            remedy=f"Use --grant {' or '.join(oauth.grants)}.",
        )
    return grant


def client_id_of(conn: Connection) -> str:
    """The app that logs in. Raises: ConfigurationError."""
    if not conn.settings.client_id:
        raise ConfigurationError(
            f"The connection {conn.name} has no app to log in with.",
            remedy="Make an app at the vendor and give its id with --client-id.",
        )
    return conn.settings.client_id


def scopes_of(conn: Connection) -> tuple[str, ...]:
    """The scopes that a login asks for: what the plugin needs, and what the team adds."""
    return tuple(dict.fromkeys((*oauth_of(conn).scopes, *conn.settings.scopes)))


def check_complete(conn: Connection, secrets: Secrets) -> None:
    """Raises: ConfigurationError if something that this connection's grant needs is missing."""
    grant = grant_of(conn)
    client_id_of(conn)
    if grant == "authorization_code":
        if oauth_of(conn).needs_secret and not secrets.get(CLIENT_SECRET):
            raise ConfigurationError(
                f"{conn.info.title} lets an app log in with its secret only.",
                remedy="Give it on standard input with --client-secret-stdin.",
            )
        return
    if grant == "client_credentials" and not secrets.get(CLIENT_SECRET):
        raise ConfigurationError(
            "An app that logs in as itself needs its secret.",
            remedy="Give it on standard input with --client-secret-stdin.",
        )
    if grant == "jwt_bearer" and not (secrets.get(PRIVATE_KEY) and conn.settings.login_user):
        raise ConfigurationError(
            "An app that signs for a user needs a private key and the user's name.",
            remedy="Give the key on standard input with --private-key-stdin, the user with --user.",
        )


def by_itself(conn: Connection, secrets: Secrets) -> Tokens:
    """Tokens for an app that needs no person. Raises: as `ask`, ConfigurationError."""
    grant, client_id = grant_of(conn), client_id_of(conn)
    check_complete(conn, secrets)
    if grant == "client_credentials":
        form = forms.app_form(
            client_id=client_id, secret=secrets[CLIENT_SECRET], scopes=conn.settings.scopes
        )
        return ask(conn, form)
    return ask(
        conn,
        forms.assertion_form(
            client_id=client_id,
            key=secrets[PRIVATE_KEY],
            user=conn.settings.login_user or "",
            audience=oauth_of(conn).audience,
            now=conn.now().timestamp(),
        ),
    )


def can_refresh(conn: Connection, kind: str, secrets: Secrets) -> bool:
    """Whether another access token can be had without a person."""
    if kind in ("client_credentials", "jwt_bearer"):
        return True
    return (
        kind == "authorization_code" and oauth_of(conn).refreshable and (REFRESH_TOKEN in secrets)
    )


def another(conn: Connection, kind: str, secrets: Secrets) -> Tokens:
    """Another access token without a person. Raises: as `ask`, ConfigurationError."""
    if kind != "authorization_code":
        return by_itself(conn, secrets)
    if REFRESH_TOKEN not in secrets:
        raise NeedsLogin("The login cannot be renewed: the vendor gave nothing to renew it with.")
    return ask(
        conn,
        forms.refresh_form(
            client_id=client_id_of(conn),
            secret=secrets.get(CLIENT_SECRET),
            token=secrets[REFRESH_TOKEN],
        ),
    )
