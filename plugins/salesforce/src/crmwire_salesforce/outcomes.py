"""What became of each write of a call, and what may be sent again at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs
from attrs import define

from crmwire.errors import Failure, NeedsLogin, NotAllowed, RecordGone, RetryLater
from crmwire.types import Write, Written
from crmwire.waves import because_of
from crmwire_salesforce.errors import HALTED, copied
from crmwire_salesforce.values import is_id

_DROPPABLE = frozenset(
    {
        "FIELD_FILTER_VALIDATION_EXCEPTION",
        "FIELD_INTEGRITY_EXCEPTION",
        "INVALID_EMAIL_ADDRESS",
        "INVALID_FIELD",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "NUMBER_OUTSIDE_VALID_RANGE",
        "STRING_TOO_LONG",
    }
)
"""Codes that blame the fields they name."""
GONE = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND"})
"""Codes that tell of a record to be changed or deleted that it is not there any more."""
_MAYBE_GONE = "INVALID_CROSS_REFERENCE_KEY"
"""What a collection says of a row whose id is not there, and of one that refers to such an id."""


@define
class Outcomes:
    """What became of each write so far, by its id, and why nothing more is sent, if so."""

    by_id: dict[str, Written | Failure] = attrs.field(factory=dict)
    stopped: Failure | None = None
    repeated: set[str] = attrs.field(factory=set)
    """Writes that were sent once more as they stood."""

    def record(self, name: str) -> str | None:
        """The record that this write made, if it did."""
        outcome = self.by_id.get(name)
        return outcome.record if isinstance(outcome, Written) else None

    def failed_call(self, writes: Iterable[Write], failure: Failure) -> None:
        """Note a failure of a whole call for each of its writes.

        The next calls would meet the same: the login, the org's rights and limits, a vendor
        that is down. So they are not made.
        """
        for write in writes:
            self.by_id[write.id] = copied(failure)
        if isinstance(failure, RetryLater | NeedsLogin | NotAllowed):
            self.stopped = failure

    def not_sent(self, writes: Iterable[Write]) -> None:
        """Note that these were not sent, since an earlier call failed."""
        assert self.stopped is not None
        for write in writes:
            self.by_id[write.id] = copied(self.stopped).marked(sent="no")


def without_refused(write: Write, failure: Failure, named: Sequence[str] = ()) -> Write | None:
    """The write without the fields that were refused, if all of them may be left out.

    `named` are those fields where the failure names none.
    """
    refused = set(failure.fields or named)
    if failure.code not in _DROPPABLE or not refused or not refused <= set(write.drop_allowed):
        return None
    kept = {name: value for name, value in write.fields.items() if name not in refused}
    return attrs.evolve(write, fields=kept) if len(kept) < len(write.fields) else None


def dropped(sent: Write, asked: Mapping[str, Write]) -> tuple[str, ...]:
    """The fields of the write that were left out, or sent otherwise, when it was sent."""
    original = asked.get(sent.id, sent)
    if original.type != sent.type:
        return ()
    return tuple(
        name
        for name, value in original.fields.items()
        if name not in sent.fields or (name == "OwnerId" and sent.fields[name] != value)
    )


def own_failure(write: Write, failure: Failure) -> Failure:
    """The failure of this very write: RecordGone if its record is not there any more."""
    if write.action not in ("update", "delete"):
        return failure
    refers = any(isinstance(value, str) and is_id(value) for value in write.fields.values())
    if failure.code not in GONE and (failure.code != _MAYBE_GONE or refers):
        return failure
    return RecordGone(
        failure.message,
        remedy=failure.remedy,
        code=failure.code,
        fields=failure.fields,
        request_id=failure.request_id,
        sent=failure.sent,
    )


def consequence(failure: Failure) -> Failure:
    """The failure of a write that was not done because another one failed.

    That another record is gone says nothing of this one's.
    """
    if not isinstance(failure, RecordGone):
        return because_of(failure)
    return RetryLater(
        f"Another record of it is gone: {failure.message}",
        code=HALTED,
        request_id=failure.request_id,
    )
