"""The CRM account of a connection: its lane, and that it stays the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmwire.errors import NeedsLogin

if TYPE_CHECKING:
    from crmwire.store import ConnectionRow
    from crmwire.types import ConnectionReport


def lane_of(crm: str, account: str) -> str:
    """The lane of all connections to one CRM account."""
    return f"{crm}:{account}"


def require_same_account(row: ConnectionRow, report: ConnectionReport) -> None:
    """Raises: NeedsLogin if the CRM account is another than the connection's before.

    Its links are of that one: their ids may be somebody else's records in another.
    """
    if row.account not in (None, report.account_id):
        raise NeedsLogin(
            f"The token belongs to another account ({report.account_name}, {report.account_id})"
            f" than before ({row.account}).",
            remedy="Use a token of the same account, or add a new connection.",
        )
