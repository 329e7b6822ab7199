"""What is settled of a write before it is sent: its outcome's spelling, ids that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from crmwire.errors import Rejected
from crmwire.types import Write
from crmwire_hubspot.inputs import record_ids
from crmwire_hubspot.kinds import linked_type
from crmwire_hubspot.options import fitted

if TYPE_CHECKING:
    from crmwire.connections import Connection


def prepared(conn: Connection, write: Write) -> tuple[Write, tuple[str, ...]]:
    """The write to send, and which of its fields were left out. Raises: Rejected."""
    write, left_out = fitted(conn, write)
    for name, value in tuple(write.fields.items()):
        if linked_type(name) is None:
            continue
        try:
            record_ids(name, value)
        except Rejected:
            if name not in write.drop_allowed:
                raise
            rest = {one: given for one, given in write.fields.items() if one != name}
            write, left_out = attrs.evolve(write, fields=rest), (*left_out, name)
    return write, left_out
