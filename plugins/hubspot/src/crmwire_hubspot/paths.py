"""Where the parts of the API are: one version for each family, dated or legacy.

HubSpot's paths carry a date since 2026; versions appear in March and September and are supported
for 18 months (developers.hubspot.com/docs, "API versioning", read 2026-11). The legacy paths
(`/crm/v3/...`, associations under v4) still answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from crmwire.errors import ConfigurationError

if TYPE_CHECKING:
    from crmwire.connections import Connection

DATED = "2026-09"
LEGACY = "v3"
VERSIONS = (DATED, "2026-03", LEGACY)

OBJECTS = DATED
PROPERTIES = DATED
OWNERS = DATED
ASSOCIATIONS = DATED
ACCOUNT = DATED
OAUTH = DATED
SCHEMAS = DATED
"""The version of each family while the connection does not ask for another."""


def checked_version(version: str) -> str:
    """`version`, if this plugin speaks it. Raises: ConfigurationError."""
    if version not in VERSIONS:
        raise ConfigurationError(
            f"{version!r} is not a version of HubSpot's API that crmwire-hubspot speaks.",
            remedy=f"Set api_version to one of {', '.join(VERSIONS)}, or leave it out.",
        )
    return version


def objects(conn: Connection, *rest: str) -> str:
    """Records: their type, then an id or a verb such as `batch/create`."""
    return _path(conn, "/crm/objects/{v}", "/crm/v3/objects", OBJECTS, rest)


def properties(conn: Connection, *rest: str) -> str:
    """Properties of an object type."""
    return _path(conn, "/crm/properties/{v}", "/crm/v3/properties", PROPERTIES, rest)


def schemas(conn: Connection, *rest: str) -> str:
    """What an object type is, and what is required of its records."""
    return _path(conn, "/crm-object-schemas/{v}/schemas", "/crm/v3/schemas", SCHEMAS, rest)


def owners(conn: Connection, *rest: str) -> str:
    """Owners: the account's users as records refer to them."""
    return _path(conn, "/crm/owners/{v}", "/crm/v3/owners", OWNERS, rest)


def associations(conn: Connection, *rest: str) -> str:
    """Batches of associations between two object types."""
    return _path(conn, "/crm/associations/{v}", "/crm/v4/associations", ASSOCIATIONS, rest)


def account(conn: Connection, *rest: str) -> str:
    """What the account is."""
    return _path(conn, "/account-info/{v}", "/account-info/v3", ACCOUNT, rest)


def oauth(conn: Connection, *rest: str) -> str:
    """Tokens of a login; `v3` is what the dated paths were before they had a date."""
    return _path(conn, "/oauth/{v}", "/oauth/v3", OAUTH, rest)


def _path(conn: Connection, dated: str, legacy: str, family: str, rest: tuple[str, ...]) -> str:
    asked = checked_version(conn.api_version)
    version = family if asked == DATED else asked
    root = legacy if version == LEGACY else dated.format(v=version)
    return "/".join([root, *(quote(part, safe="/", errors="replace") for part in rest)])
