"""`find_written`: what an earlier, unanswered attempt may have made.

Meetings have no external id. They are found from the store, never by search: the meetings that
are associated with the person, of the same title and start, made by an integration at or after
the attempt. That meetings carry `hs_object_source` "INTEGRATION" when they come through the API
is a guess (it is seen on contacts, companies, notes and tasks); a meeting without it is not ruled
out, one with another source is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from crmwire.errors import Failure, NeedsReview, RetryLater
from crmwire.types import About, Record, Ref, Write
from crmwire_hubspot.associated import End, associated_ids
from crmwire_hubspot.kinds import COMPANIES, CONTACTS, MEETINGS
from crmwire_hubspot.reading import read_records
from crmwire_hubspot.searching import search_key, search_records
from crmwire_hubspot.settings import settings_of
from crmwire_hubspot.values import as_property, email_key, read_instant

if TYPE_CHECKING:
    from crmwire.connections import Connection

CLOCK_SLACK = timedelta(seconds=60)
"""How far the account's clock may be behind ours."""
ASKED_AGAIN = 15.0
"""How often (seconds) a company whose create was never answered is looked for: HubSpot's search
shows new records after seconds, later under load."""
LOOK = "Look in HubSpot whether it is there; then retry, or dismiss the delivery."
MEETING_PROPERTIES = (
    "hs_createdate",
    "hs_meeting_start_time",
    "hs_meeting_title",
    "hs_object_source",
    "hs_timestamp",
)

Answer = Sequence[Record] | Failure
Ends = dict[str, list[tuple[str, str]]]
"""For each write, the records that it is about: type and id."""


def find_written(conn: Connection, writes: Sequence[Write]) -> list[Answer]:
    """All records that fit each write, oldest first."""
    answers: dict[str, Answer] = {}
    answers |= _contacts(conn, [write for write in writes if write.type == CONTACTS])
    answers |= _companies(conn, [write for write in writes if write.type == COMPANIES])
    meetings = [_settled(write, answers) for write in writes if write.type == MEETINGS]
    answers |= _meetings(conn, meetings, answers)
    return [answers[write.id] if write.id in answers else _unknowable(write) for write in writes]


def _unknowable(write: Write) -> NeedsReview:
    return NeedsReview(
        f"HubSpot offers no way to find out whether this {write.role} was written.", remedy=LOOK
    )


# ---------------------------------------------------------------- persons and companies


def _contacts(conn: Connection, writes: Iterable[Write]) -> dict[str, Answer]:
    """By address, which only one contact can have: whoever made it, it is the one."""
    emails = {write.id: email for write in writes if (email := _email(write))}
    found = read_records(conn, CONTACTS, emails.values(), by="email")
    answers: dict[str, Answer] = {}
    for name, email in emails.items():
        record = found[email]
        answers[name] = (
            copy.copy(record) if isinstance(record, Failure) else [] if record is None else [record]
        )
    return answers


def _email(write: Write) -> str:
    value = write.match.value if write.match else write.fields.get("email")
    return email_key(value) if isinstance(value, str) else ""


def _companies(conn: Connection, writes: Iterable[Write]) -> dict[str, Answer]:
    """By search, which lags: what it does not show proves something only after a while."""
    answers: dict[str, Answer] = {}
    for write in writes:
        name = next((name for name in ("domain", "name") if write.fields.get(name)), None)
        if name is None:
            continue
        value = str(write.fields[name])
        found = search_records(conn, COMPANIES, {name: [value]})[name, search_key(name, value)]
        if isinstance(found, Failure):
            answers[write.id] = found
            continue
        made = _oldest_first(record for record in found.records if _made_since(record, write))
        if made:
            answers[write.id] = made
        elif write.sent_at is not None:
            answers[write.id] = _not_shown(conn, write, write.sent_at)
    return answers


def _not_shown(conn: Connection, write: Write, sent_at: datetime) -> Answer:
    """Not made, once the search would have to show what was made."""
    passed = (conn.by_their_clock(conn.now()) - sent_at).total_seconds()
    rest = settings_of(write).search_lag - passed
    if rest <= 0:
        return []
    return RetryLater(
        "The search does not show the company that an earlier attempt may have made.",
        after=min(ASKED_AGAIN, rest),
        remedy="Nothing to do: it is looked for again, since HubSpot's search lags.",
        code="NOT_SHOWN",
    )


# ---------------------------------------------------------------- meetings


def _settled(write: Write, answers: Mapping[str, Answer]) -> Write:
    """The write with the ids of persons that were found in place of references."""
    about = tuple(_known(about, answers) for about in write.about)
    return attrs.evolve(write, about=about)


def _known(about: About, answers: Mapping[str, Answer]) -> About:
    if not isinstance(about.record, Ref):
        return about
    found = answers.get(about.record.write)
    if found is None or isinstance(found, Failure) or not found:
        return about
    return attrs.evolve(about, record=found[0].id)


def _meetings(
    conn: Connection, writes: Sequence[Write], persons: Mapping[str, Answer]
) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    ends: Ends = {}
    for write in writes:
        known = [
            (about.type, about.record) for about in write.about if isinstance(about.record, str)
        ]
        if known:
            ends[write.id] = known
        elif not write.about:
            answers[write.id] = _unknowable(write)
        else:
            answers[write.id] = _as_its_person(write, persons)
    near = associated_ids(conn, MEETINGS, {end for some in ends.values() for end in some})
    near |= _of_merged(conn, [end for end, ids in near.items() if ids == []])
    ids = [id_ for found in near.values() if not isinstance(found, Failure) for id_ in found]
    records = read_records(conn, MEETINGS, ids, properties=MEETING_PROPERTIES)
    for write in writes:
        if write.id in ends:
            # One end is enough: a meeting is made with all its associations or not at all.
            answers[write.id] = _fitting(write, near[ends[write.id][0]], records)
    return answers


def _of_merged(conn: Connection, lone: Sequence[End]) -> dict[End, list[str] | Failure]:
    """The meetings of records that were merged since: they went along to the present id.

    Whether the associations may be asked for by an old id is not known.
    """
    found: dict[End, list[str] | Failure] = {}
    present: dict[End, End] = {}
    for type_ in sorted({end[0] for end in lone}):
        ids = [end[1] for end in lone if end[0] == type_]
        for id_, record in read_records(conn, type_, ids).items():
            if isinstance(record, Failure):
                found[type_, id_] = record
            elif record is not None and record.id != id_:
                present[type_, id_] = (type_, record.id)
    now = associated_ids(conn, MEETINGS, set(present.values()))
    return found | {end: now[moved] for end, moved in present.items()}


def find_made(conn: Connection, writes: Sequence[Write]) -> list[Answer]:
    """The meetings of each write's contact that an integration made since it was sent."""
    bare = [attrs.evolve(write, fields={}) for write in writes]
    answers = _meetings(conn, [write for write in bare if write.type == MEETINGS], {})
    return [answers.get(write.id, []) for write in writes]


def _as_its_person(write: Write, persons: Mapping[str, Answer]) -> Answer:
    """Of a meeting whose person was not found: nobody there, nothing made."""
    for about in write.about:
        found = persons.get(about.record.write) if isinstance(about.record, Ref) else None
        if isinstance(found, Failure):
            return copy.copy(found)
        if found is None:
            return _unknowable(write)
    return []


def _fitting(
    write: Write,
    ids: Sequence[str] | Failure,
    records: Mapping[str, Record | Failure | None],
) -> Answer:
    if isinstance(ids, Failure):
        return copy.copy(ids)
    made: list[Record] = []
    for id_ in ids:
        record = records[id_]
        if isinstance(record, Failure):
            return copy.copy(record)
        if record is not None and _fits(write, record):
            made.append(record)
    return _oldest_first(made)


def _fits(write: Write, record: Record) -> bool:
    if record.fields.get("hs_object_source") not in (None, "", "INTEGRATION"):
        return False
    return (
        _made_since(record, write)
        and _same_text(write, record, "hs_meeting_title")
        and _same_instant(write, record, "hs_meeting_start_time")
        and _same_instant(write, record, "hs_timestamp")
    )


def _made_since(record: Record, write: Write) -> bool:
    if write.sent_at is None:
        return True
    return _created(record) >= write.sent_at - CLOCK_SLACK


def _created(record: Record) -> datetime:
    told = record.created_at or read_instant(record.fields.get("hs_createdate"))
    return told or datetime.min.replace(tzinfo=UTC)


def _same_text(write: Write, record: Record, name: str) -> bool:
    if name not in write.fields:
        return True
    wanted = as_property(name, write.fields[name])
    return wanted.strip() == str(record.fields.get(name) or "").strip()


def _same_instant(write: Write, record: Record, name: str) -> bool:
    if name not in write.fields:
        return True
    wanted = read_instant(as_property(name, write.fields[name]))
    return wanted == read_instant(record.fields.get(name))


def _oldest_first(records: Iterable[Record]) -> list[Record]:
    return sorted(records, key=_created)
