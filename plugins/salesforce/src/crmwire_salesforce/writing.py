"""Sending the writes of a batch: shared persons first, then each delivery as one graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
from attrs import frozen

from crmwire.errors import Failure, Rejected
from crmwire.types import Write, Written
from crmwire.waves import references, waves
from crmwire_salesforce.api import record_url
from crmwire_salesforce.bodies import (
    has_no_owner_rule,
    headers_for,
    looks_like_reference,
    saves_duplicates,
    takes_rule_owner,
)
from crmwire_salesforce.errors import copied
from crmwire_salesforce.graphs import graph_of, is_new_person_account, send_graphs
from crmwire_salesforce.outcomes import Outcomes, consequence
from crmwire_salesforce.preparing import prepared
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
    pending = _units(prepared(conn, writes))
    while pending:
        pending = _without_failed(pending, outcomes)
        ready = [unit for unit in pending if not any(_open(n, outcomes) for n in unit.needs)]
        now = [unit for unit in ready if unit.shared] or ready
        if not now:
            for unit in pending:
                lost = Rejected("It refers to a record that is not written in this batch.")
                outcomes.by_id |= {write.id: lost for write in unit.writes}
            break
        for units, headers in _by_headers(now):
            _send(conn, units, outcomes, headers)
        pending = [unit for unit in pending if unit not in now]
    return [_as_asked(conn, write, outcomes.by_id[write.id]) for write in writes]


def _as_asked(conn: Connection, write: Write, outcome: Written | Failure) -> Written | Failure:
    """The outcome under the type that was asked for: of a person account, its contact."""
    if isinstance(outcome, Failure) or (outcome.type, write.type) != ("Account", "Contact"):
        return outcome
    record = write.record or outcome.record
    return attrs.evolve(outcome, type="Contact", record=record, url=record_url(conn, record))


def _by_headers(units: Sequence[_Unit]) -> Iterator[tuple[list[_Unit], dict[str, str]]]:
    """The units that may stand in one call, with its headers. Most batches are one."""
    for allow_save in (False, True):
        some = [unit for unit in units if unit.allow_save is allow_save]
        ruled = [unit for unit in some if takes_rule_owner(unit.writes)]
        rest = [unit for unit in some if unit not in ruled]
        if all(has_no_owner_rule(unit.writes) for unit in rest):
            ruled, rest = (some, []) if ruled else ([], rest)
        for part, rule_owner in ((ruled, True), (rest, False)):
            if part:
                yield part, headers_for(allow_save=allow_save, rule_owner=rule_owner)


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
            and not is_new_person_account(members[0]),
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


def _send(
    conn: Connection, units: Sequence[_Unit], outcomes: Outcomes, headers: Mapping[str, str]
) -> None:
    alone = [write for unit in units if unit.shared for write in unit.writes]
    graphs = [graph_of(u.writes) for u in units if not (u.shared or u.unsafe)]
    send_rows(conn, alone, outcomes, headers)
    send_graphs(conn, graphs, outcomes, headers)
    _send_unsafe(conn, [u for u in units if u.unsafe and not u.shared], outcomes, headers)


def _send_unsafe(
    conn: Connection, units: Sequence[_Unit], outcomes: Outcomes, headers: Mapping[str, str]
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
        send_rows(conn, rows, outcomes, headers)
        deletes = [graph_of([write]) for write in sendable if write.action == "delete"]
        send_graphs(conn, deletes, outcomes, headers)
