"""From what core wants to what is sent: the rules of Salesforce that a mapping need not know.

WhoId takes a contact or a lead, WhatId is not taken beside a lead, further contacts stand in
EventWhoIds where the org has Shared Activities (Object Reference, Event, read 2026-11).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import attrs

from crmwire.filters import truncate
from crmwire.types import About, Key, Ref, Value, Write
from crmwire_salesforce import describing, people, users
from crmwire_salesforce.info import SalesforceMapping
from crmwire_salesforce.successors import known_successor, type_of
from crmwire_salesforce.values import is_id

if TYPE_CHECKING:
    from crmwire.connections import Connection

ACTIVITIES = ("Event", "Task")
MARKED = 255
"""Characters of a field that takes a mark, where the org does not say."""
MOST_GUESTS = 50
"""Contacts on one event: Object Reference, Event, EventWhoIds, read 2026-11."""
_WHO = ("Contact", "Lead")
_WHAT = ("Account", "Opportunity", "Campaign", "Case")
_GUESTS: Mapping[str, str] = {"Event": "EventWhoIds", "Task": "TaskWhoIds"}
_OWNED = (*_WHO, "Account", *ACTIVITIES)

Types = Mapping[str, str]
"""The object type of each write of the batch, by its id."""


def prepared(conn: Connection, writes: Sequence[Write]) -> list[Write]:
    """The writes as they are sent. Raises: Failure if the org has to be asked and fails."""
    types = {write.id: write.type for write in writes}
    return [_prepared(conn, write, types) for write in writes]


def settings_of(write: Write) -> SalesforceMapping:
    settings = write.settings
    return settings if isinstance(settings, SalesforceMapping) else SalesforceMapping()


def external_id(conn: Connection, write: Write) -> Key | None:
    """The key under which an activity is written, where the org has a field for it.

    Raises: Failure.
    """
    name = settings_of(write).external_id
    if not name or write.type not in ACTIVITIES or write.action != "create":
        return None
    if not describing.is_key(conn, write.type, name):
        return None
    value = f"crmwire-{conn.installation}-{_digest(conn, write)[:24]}"
    return Key(types=(write.type,), name=name, value=value)


def mark_of(conn: Connection, write: Write) -> str:
    """What stands at the end of the mapping's `mark` field of a new activity, if it names one.

    By it an activity is known again for sure, where the org has no external-id field.
    """
    if not write.mark or write.type not in ACTIVITIES:
        return ""
    return f"[{_digest(conn, write)[:12]}]"


def _digest(conn: Connection, write: Write) -> str:
    return hashlib.sha256(f"{conn.name}\n{write.key}".encode()).hexdigest()


def with_mark(conn: Connection, write: Write, fields: Mapping[str, Value]) -> Mapping[str, Value]:
    """The fields with the mark; the text before it is cut where both do not fit."""
    mark, name = mark_of(conn, write), write.mark
    if not mark or not name:
        return fields
    text = str(fields.get(name) or "").strip()
    known = describing.field_of(conn, write.type, name)
    room = int((known or {}).get("length") or MARKED) - len(mark) - 1
    return {**fields, name: f"{truncate(text, room)} {mark}".strip()}


def _prepared(conn: Connection, write: Write, types: Types) -> Write:
    if write.action == "delete":
        return write
    fields = {name: _followed(conn, value) for name, value in write.fields.items()}
    creating = write.action == "create"
    if write.type in ACTIVITIES:
        if creating:
            fields = _with_people(conn, write, fields, types)
        fields = _whole_days(fields)
    elif creating and write.type == "Contact":
        _set_first(fields, "AccountId", [one for one in write.about if one.type == "Account"])
    if write.type in _OWNED:
        fields = _with_owner(conn, write, fields)
    sent = attrs.evolve(write, fields=fields, about=())
    key = external_id(conn, write)
    if key is not None:
        return attrs.evolve(sent, action="upsert", match=key)
    if creating and write.mark:
        return attrs.evolve(sent, fields=with_mark(conn, write, fields))
    if write.type == "Contact" and creating and settings_of(write).person_accounts:
        return people.as_person_account(sent)
    if write.type == "Contact" and write.action == "update":
        account = people.known_account(conn, write.record or "")
        return people.on_account(sent, account) if account else sent
    return sent


def _followed(conn: Connection, value: Value) -> Value:
    """The value, with the id of a record that is known to have become another one replaced."""
    if isinstance(value, str) and is_id(value) and type_of(value):
        return known_successor(conn, value)
    return value


# ---------------------------------------------------------------- whom an activity names


def _with_people(
    conn: Connection, write: Write, fields: dict[str, Value], types: Types
) -> dict[str, Value]:
    who = [about for about in write.about if about.type in _WHO]
    _set_first(fields, "WhoId", who)
    _set_first(fields, "WhatId", [one for one in write.about if one.type in _WHAT])
    if _is_lead(fields.get("WhoId"), types):
        # "A lead in WhoId excludes WhatId": FIELD_INTEGRITY_EXCEPTION.
        fields.pop("WhatId", None)
        return fields
    contacts = [one.record for one in who if one.type == "Contact"]
    contacts = [_followed(conn, one) for one in contacts if one != fields.get("WhoId")]  # type: ignore[misc]
    name = _GUESTS[write.type]
    if contacts and describing.field_of(conn, write.type, name) is not None:
        first = [fields["WhoId"]] if fields.get("WhoId") else []
        fields[name] = [*first, *contacts][:MOST_GUESTS]
    return fields


def _set_first(fields: dict[str, Value], name: str, about: Sequence[About]) -> None:
    if about:
        fields.setdefault(name, about[0].record)


def _is_lead(who: Value, types: Types) -> bool:
    if isinstance(who, Ref):
        return types.get(who.write) == "Lead"
    return isinstance(who, str) and type_of(who) == "Lead"


# ---------------------------------------------------------------- times


def _whole_days(fields: dict[str, Value]) -> dict[str, Value]:
    """All-day events stand at midnight UTC of their days, whatever the zone.

    The end of such an event is its last day's midnight, not the midnight after it.
    """
    if fields.get("IsAllDayEvent") is not True:
        return fields
    start, end = fields.get("StartDateTime"), fields.get("EndDateTime")
    if isinstance(start, date):
        fields["StartDateTime"] = _midnight(start)
    if isinstance(end, date):
        last = _midnight(end)
        ends_at_midnight = isinstance(end, datetime) and end.timetz() == time(tzinfo=end.tzinfo)
        if ends_at_midnight and isinstance(start, datetime) and end > start:
            last -= timedelta(days=1)
        fields["EndDateTime"] = last
    return fields


def _midnight(when: date) -> datetime:
    return datetime(when.year, when.month, when.day, tzinfo=UTC)


# ---------------------------------------------------------------- owners


def _with_owner(conn: Connection, write: Write, fields: dict[str, Value]) -> dict[str, Value]:
    """An owner who is known to be inactive is left out; a new record gets the fallback owner."""
    owner = fields.get("OwnerId")
    if isinstance(owner, str) and users.is_inactive(conn, owner):
        del fields["OwnerId"]
    fallback = settings_of(write).fallback_owner
    if fallback and write.action == "create" and not fields.get("OwnerId"):
        user = users.by_email(conn, fallback)
        if user is not None and not users.is_inactive(conn, user):
            fields["OwnerId"] = user
    return fields
