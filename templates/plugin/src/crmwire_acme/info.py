"""What Acme is: its hosts, object types, limits and login."""

from __future__ import annotations

from crmwire.types import AuthScheme, CrmInfo, Limit, OAuth2, ObjectType

API = "https://api.acme.example.com"
LOGIN = "https://login.acme.example.com"

INFO = CrmInfo(
    key="acme",  # the entry point's name, and what people type
    title="Acme",
    base_url=API,
    api_version="1",
    host_suffixes=("acme.example.com",),  # a token goes to no other host
    object_types={
        "people": ObjectType(name="people", title="Person", unique=("email",)),
        "meetings": ObjectType(name="meetings", title="Meeting"),
    },
    limits=(Limit(name="calls", calls=20, seconds=1.0),),
)


def scheme(login_host: str | None) -> AuthScheme:
    """How requests are authorised: by a token, or by a login. Without logins, leave out `oauth`."""
    host = (login_host or LOGIN).rstrip("/")
    login = OAuth2(
        authorize_url=f"{host}/oauth/authorize",
        token_url=f"{host}/oauth/token",
        revoke_url=f"{host}/oauth/revoke",
        scopes=("people", "meetings"),
    )
    hint = "Acme: Settings, API, New token."
    return AuthScheme(base_url=API, oauth=login, token_hint=hint)
