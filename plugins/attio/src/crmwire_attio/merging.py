"""What of a draft has to be sent to a record that was read: nothing that it holds already.

Core compares values as they are. A mapping's are often texts where Attio gives numbers, dates or
lists back ("42" and 42, an URL and its domain), so those are compared here as Attio would keep
them. The kind of the attribute is told by the value that was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import attrs

from crmwire import dedup
from crmwire.types import Draft, FieldChange, Match, RecordRef, UserRef
from crmwire_attio import api, instead, values


def changes(draft: Draft, match: Match) -> Sequence[FieldChange]:
    """Field by field, by the draft's policies; what would change nothing is not written."""
    found = instead.changes(draft, match)
    if found is None:
        found = dedup.merged_fields(draft, match)
    return found if match.action != "update" else [_settled(change) for change in found]


def _settled(change: FieldChange) -> FieldChange:
    if not change.written or change.old is None or isinstance(change.new, UserRef | RecordRef):
        return change
    if change.add:
        held = dedup.as_list(change.old)
        is_there = all(any(same(old, one) for old in held) for one in dedup.as_list(change.new))
    else:
        is_there = same(change.old, change.new)
    return attrs.evolve(change, written=False, why="unchanged") if is_there else change


def same(old: object, new: object) -> bool:
    """Whether what was read is what Attio would keep of the new value."""
    match old:
        case list():
            wanted = dedup.as_list(new)
            return len(old) == len(wanted) and all(any(same(one, x) for x in old) for one in wanted)
        case bool():
            return old is new or str(new).strip().lower() == str(old).lower()
        case int() | float():
            return _number(new) == round(old, 4)
        case datetime():
            time = new if isinstance(new, datetime) else api.parsed_time(new)
            return time is not None and api.written_time(time) == api.written_time(old)
        case date():
            return _day(new) == old
        case Mapping():
            return _same_place(old, new)
        case str():
            return _kept(old) in _texts(new)
    return dedup.same(old, new)


def _same_place(old: Mapping[str, Any], new: object) -> bool:
    """A location, of which a mapping may tell all parts or one text that Attio takes apart."""
    if isinstance(new, Mapping):
        return all(old.get(key) == new.get(key) for key in values.LOCATION)
    parts = [part.strip().casefold() for part in str(new).split(",")]
    return set(parts) <= {str(value).casefold() for value in old.values() if value is not None}


def _number(new: object) -> float | None:
    if isinstance(new, bool):
        return None
    try:
        return round(float(str(new)), 4)
    except ValueError:
        return None


def _day(new: object) -> date | None:
    if isinstance(new, date) and not isinstance(new, datetime):
        return new
    time = new if isinstance(new, datetime) else api.parsed_time(new)
    return time.astimezone(UTC).date() if time is not None else None


def _kept(text: str) -> str:
    """A text as it is compared: blanks squeezed within a line, addresses and ids in lower case."""
    lines = [" ".join(line.split()) for line in text.strip().split("\n")]
    kept = "\n".join(lines)
    is_key = "@" in kept or api.UUID.fullmatch(kept.lower())
    return kept.lower() if is_key and len(lines) == 1 and " " not in kept else kept


def _texts(new: object) -> list[str]:
    """The texts that Attio may keep of a value: as a text, a domain, a full name."""
    match new:
        case str():
            told = [_kept(new)]
            return [*told, values.comparable("domains", new)] if "://" in new else told
        case datetime():
            return [api.written_time(new)]
        case Mapping():
            return [values.name_parts(new)["full_name"]]
        case bool() | int() | float() | date():
            return [str(new)]
    return []
