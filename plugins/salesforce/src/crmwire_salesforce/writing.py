"""Sending the writes of a batch: shared persons first, then each delivery as one graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from crmwire.errors import Failure, Rejected
from crmwire.types import Write, Written
from crmwire.waves import references, waves
from crmwire_salesforce.bodies import looks_like_reference, saves_duplicates
from crmwire_salesforce.errors import copied
from crmwire_salesforce.graphs import graph_of, send_graphs
from crmwire_salesforce.outcomes import Outcomes, consequence
from crmwire_salesforce.rows import send_rows

if TYPE_CHECKING:
    from crmwire.connections import Connection

# What a picklist of several values holds would be written over.
_NO_ADDING = Rejected(
    "Values cannot be added to what a field of Salesforce holds.",
    remedy="Write the field `always` or `if_empty` in the mapping.",
)


@frozen(eq=False)
class _Unit:
    """Writes that are sent together; `needs` are the writes elsewhere that they refer to."""

    writes: tuple[Write, ...]
    needs: frozenset[str]
    shared: bool

    @property
    def allow_save(self) -> bool:
        return any(saves_duplicates(write) for write in self.writes)

    @property
    def unsafe(self) -> bool:
        """Whether a graph would take a text of it for a reference."""
        return any(looks_like_reference(write.fields) for write in self.writes)


def write_records(conn: Connection, writes: Sequence[Write]) -> list[Written | Failure]:
    """Send everything; one answer per write, in order.

    If a whole call fails in a way that the next would too, those that follow are not sent.
    A failure of unknown outcome is said of every write of its call, of updates too: they may be
    sent again without harm, but might still be committed later.
    """
    outcomes = Outcomes({write.id: copied(_NO_ADDING) for write in writes if write.add})
    pending = _units(writes)
    while pending:
        pending = _without_failed(pending, outcomes)
        ready = [unit for unit in pending if not any(_open(n, outcomes) for n in unit.needs)]
        now = [unit for unit in ready if unit.shared] or ready
        if not now:
            for unit in pending:
                lost = Rejected("It refers to a record that is not written in this batch.")
                outcomes.by_id |= {write.id: lost for write in unit.writes}
            break
        for allow_save in (False, True):
            _send(conn, [u for u in now if u.allow_save is allow_save], outcomes, allow_save)
        pending = [unit for unit in pending if unit not in now]
    return [outcomes.by_id[write.id] for write in writes]


def _units(writes: Sequence[Write]) -> list[_Unit]:
    """Each group is a unit, and each write without a group."""
    groups: dict[str, list[Write]] = {}
    for number, write in enumerate(writes):
        groups.setdefault(f"g {write.group}" if write.group else f"w {number}", []).append(write)
    return [
        _Unit(
            writes=tuple(members),
            needs=frozenset(
                name
                for write in members
                for name in references(write)
                if name not in {member.id for member in members}
            ),
            shared=members[0].group is None
            and members[0].action in ("create", "update")
            and not references(members[0]),
        )
        for members in groups.values()
    ]


def _open(name: str, outcomes: Outcomes) -> bool:
    return name not in outcomes.by_id


def _without_failed(units: Sequence[_Unit], outcomes: Outcomes) -> list[_Unit]:
    """Those that can still be sent; the failure of what a unit holds or needs is its own."""
    left = []
    for unit in units:
        names = [*(write.id for write in unit.writes), *sorted(unit.needs)]
        failures = [outcomes.by_id.get(name) for name in names]
        failure = next((one for one in failures if isinstance(one, Failure)), None)
        if failure is None:
            left.append(unit)
        else:
            outcomes.by_id |= {write.id: consequence(failure) for write in unit.writes}
    return left


def _send(conn: Connection, units: Sequence[_Unit], outcomes: Outcomes, allow_save: bool) -> None:
    alone = [write for unit in units if unit.shared for write in unit.writes]
    graphs = [graph_of(u.writes) for u in units if not (u.shared or u.unsafe)]
    send_rows(conn, alone, outcomes, allow_save=allow_save)
    send_graphs(conn, graphs, outcomes, allow_save=allow_save)
    _send_unsafe(conn, [u for u in units if u.unsafe and not u.shared], outcomes, allow_save)


def _send_unsafe(
    conn: Connection, units: Sequence[_Unit], outcomes: Outcomes, allow_save: bool
) -> None:
    """Units with a text that a graph would take for a reference.

    There is no way to escape it, so these go row by row, and do not stand or fall together.
    """
    for wave in waves([write for unit in units for write in unit.writes]):
        sendable = []
        for write in wave:
            bad = [outcomes.by_id.get(name) for name in sorted(references(write))]
            failure = next((one for one in bad if isinstance(one, Failure)), None)
            if failure is not None:
                outcomes.by_id[write.id] = consequence(failure)
            else:
                sendable.append(write)
        rows = [write for write in sendable if write.action != "delete"]
        send_rows(conn, rows, outcomes, allow_save=allow_save)
        deletes = [graph_of([write]) for write in sendable if write.action == "delete"]
        send_graphs(conn, deletes, outcomes, allow_save=allow_save)
