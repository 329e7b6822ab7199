"""Who the connection is, and which fields its account has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmwire.types import ConnectionReport, FieldInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmwire.connections import Connection

HOUR = 3600.0


def who_we_are(conn: Connection) -> ConnectionReport:
    """One call; core compares the account with the one it knew."""
    me = conn.http.get("v1/me").json()
    account, user = me["account"], me["user"]
    return ConnectionReport(
        account_id=account["id"],
        account_name=account["name"],
        user_id=user["id"],
        user_name=user["name"],
    )


def fields_of(conn: Connection, object_type: str) -> Sequence[FieldInfo]:
    """The fields of a type; core asks often (`cut = true`), so they are kept for an hour."""

    def load() -> Any:
        return conn.http.get(f"v1/fields/{object_type}").json()["fields"]

    listed: Any = conn.cache(f"fields/{object_type}", HOUR, load)
    return [
        FieldInfo(
            name=field["name"],
            label=field["label"],
            type=field["type"],
            length=field.get("max_length"),
            writable=not field.get("read_only", False),
        )
        for field in listed
    ]
