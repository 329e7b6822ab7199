"""What the pipeline works with: one connection, its lane, the store, the routes' mappings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.mapping import Mapping
    from crmwire.store import Store


@frozen(kw_only=True)
class Desk:
    """Everything a batch of one connection needs.

    `mapping_of` compiles a route's mapping; a batch asks often, and the store is looked at once.
    """

    conn: Connection
    connection_id: int
    lane: str
    store: Store
    mapping_of: Callable[[int], Mapping]
