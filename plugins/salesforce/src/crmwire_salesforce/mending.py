"""What can be done at once about a write that was refused, without asking anybody.

Each step makes progress, so that it ends: a field less, another owner, another record.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from crmwire.errors import Failure, NeedsReview, RecordGone
from crmwire.types import Value, Write, Written
from crmwire_salesforce import describing, people, users
from crmwire_salesforce.api import record_url
from crmwire_salesforce.outcomes import GONE, Outcomes, own_failure, without_refused
from crmwire_salesforce.preparing import settings_of
from crmwire_salesforce.successors import successors, type_of
from crmwire_salesforce.values import is_id, same_id

if TYPE_CHECKING:
    from crmwire.connections import Connection

_OWNER = frozenset({"INACTIVE_OWNER_OR_USER", "OP_WITH_INVALID_USER_TYPE_EXCEPTION"})
_MOVED = GONE | {"INVALID_CROSS_REFERENCE_KEY", "CANNOT_UPDATE_CONVERTED_LEAD"}
_OTHER_FIELDS = frozenset({"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE"})
_DUPLICATE = "DUPLICATES_DETECTED"


def mended(
    conn: Connection, write: Write, failure: Failure, outcomes: Outcomes
) -> Write | Written | Failure:
    """The write to send again, what it comes to instead, or its failure if nothing helps."""
    failure = _of_type(failure, write.type)
    smaller = without_refused(write, failure)
    if smaller is not None:
        return smaller
    if failure.code in _OTHER_FIELDS:
        describing.forget_refused(conn, write.type)
    try:
        smaller = _without_unknown(conn, write, failure)
        if smaller is not None:
            return smaller
        if write.action == "upsert" and failure.code in ("NOT_FOUND", "INVALID_FIELD"):
            return _without_key(conn, write)
        if failure.code in _OWNER and write.fields.get("OwnerId"):
            return _with_other_owner(conn, write)
        if failure.code == "INVALID_PERSON_ACCOUNT_OPERATION" and write.type == "Contact":
            return _on_person_account(conn, write, failure)
        if failure.code == _DUPLICATE:
            return _with_match(conn, write, failure)
        if failure.code == "DUPLICATE_VALUE" and write.action == "upsert":
            return _once_more(write, failure, outcomes)
        if failure.code in _MOVED:
            return _after_moves(conn, write, failure)
    except Failure as other:
        # The question what became of a record went unanswered; that nothing was written is sure.
        return other.marked(sent="no")
    return own_failure(write, failure)


def _of_type(failure: Failure, type_: str) -> Failure:
    """The failure with the object's name in its text: messages seldom say whose they are."""
    if not failure.message.startswith(f"{type_}: "):
        failure.message = f"{type_}: {failure.message}"
        failure.args = (failure.message,)
    return failure


def _without_unknown(conn: Connection, write: Write, failure: Failure) -> Write | None:
    """The write without the fields that the user cannot write, if all of them may be left out.

    A field that is missing or hidden is named in the message only, so the describe tells.
    """
    if failure.code not in _OTHER_FIELDS or failure.fields or not write.drop_allowed:
        return None
    known = describing.described(conn, write.type)
    if known is None:
        return None
    writable = {str(field["name"]).lower() for field in known["fields"] if field["writable"]}
    unknown = tuple(name for name in write.fields if name.lower() not in writable)
    return without_refused(write, failure, unknown)


def _without_key(conn: Connection, write: Write) -> Write:
    """The external-id field was deleted or hidden since it was described: create instead."""
    describing.forget(conn, write.type)
    return attrs.evolve(write, action="create", match=None)


def _with_other_owner(conn: Connection, write: Write) -> Write:
    """The mapping's fallback owner, else none: then the connected user owns what is new."""
    owner = str(write.fields["OwnerId"])
    users.note_inactive(conn, owner)
    fallback = settings_of(write).fallback_owner
    user = users.by_email(conn, fallback) if fallback else None
    fields = {name: value for name, value in write.fields.items() if name != "OwnerId"}
    if user is not None and not same_id(user, owner) and not users.is_inactive(conn, user):
        fields["OwnerId"] = user
    return attrs.evolve(write, fields=fields)


def _on_person_account(conn: Connection, write: Write, failure: Failure) -> Write | Failure:
    account = people.find_account(conn, write.record or "") if write.action == "update" else None
    return people.on_account(write, account) if account else failure


def _with_match(conn: Connection, write: Write, failure: Failure) -> Written | Failure:
    """The record that the duplicate rule found, if the mapping lets it be used."""
    found = failure.candidates if isinstance(failure, NeedsReview) else ()
    matches = {record.id: record for record in found}
    if settings_of(write).duplicate_rule != "use_match" or len(matches) != 1:
        return failure
    if write.action == "update":
        return failure
    (match,) = matches.values()
    return Written(
        id=write.id,
        type=match.type,
        record=match.id,
        created=False,
        url=record_url(conn, match.id),
        dropped=tuple(write.fields),
        request_id=failure.request_id,
    )


def _once_more(write: Write, failure: Failure, outcomes: Outcomes) -> Write | Failure:
    """Two upserts of one key raced: the second try finds the record and changes it."""
    if write.id in outcomes.repeated:
        return failure
    outcomes.repeated.add(write.id)
    return write


# ---------------------------------------------------------------- merged, converted, gone


def _after_moves(conn: Connection, write: Write, failure: Failure) -> Write | Written | Failure:
    if write.action == "update" and write.record and type_of(write.record):
        became = successors(conn, [write.record])[write.record]
        if became is None:
            return _gone(failure, write.type, write.record)
        if became != write.record:
            return _moved(conn, write, became)
    ids = sorted(set(_ids(write)))
    now = successors(conn, ids) if ids else {}
    for id_ in ids:
        if now[id_] is None:
            return _gone(failure, type_of(id_) or "", id_)
    if any(now[id_] != id_ for id_ in ids):
        fields = {name: _replaced(value, now) for name, value in write.fields.items()}
        return attrs.evolve(write, fields=fields)
    return own_failure(write, failure)


def _moved(conn: Connection, write: Write, became: str) -> Write | Written:
    """A merged person is changed where they are now; a converted lead's contact is left alone.

    A lead's fields are not a contact's, so they are left out, and said to be.
    """
    type_ = type_of(became) or write.type
    if type_ == write.type:
        return attrs.evolve(write, record=became)
    return Written(
        id=write.id,
        type=type_,
        record=became,
        created=False,
        url=record_url(conn, became),
        dropped=tuple(write.fields),
    )


def _ids(write: Write) -> Iterator[str]:
    for value in write.fields.values():
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, str) and is_id(one) and type_of(one):
                yield one


def _replaced(value: Value, now: dict[str, str | None]) -> Value:
    if isinstance(value, list | tuple):
        return [_replaced(one, now) for one in value]
    return (now.get(value) or value) if isinstance(value, str) else value


def _gone(failure: Failure, type_: str, record: str) -> Failure:
    return RecordGone(
        failure.message,
        type=type_,
        record=record,
        remedy=failure.remedy,
        code=failure.code,
        fields=failure.fields,
        request_id=failure.request_id,
    )
