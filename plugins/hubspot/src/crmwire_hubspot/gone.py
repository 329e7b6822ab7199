"""Records that are no longer there when something else is written about them."""

from __future__ import annotations

import re
from typing import NamedTuple

from crmwire.errors import Failure, RecordGone, Rejected
from crmwire.types import Write
from crmwire_hubspot.settings import settings_of

_NOT_VALID = re.compile(r"\b([A-Z_]+)=(\d+) is not valid")
"""The one place where HubSpot says which record an association lacks (seen in its batch route;
that a create with inline associations is refused in these words is a guess)."""


class Missing(NamedTuple):
    """The record that a refusal names: HubSpot's word for its type, and its id."""

    kind: str
    id: str


def missing_record(failure: Failure) -> Missing | None:
    """The record that an association wanted and that is not there."""
    found = _NOT_VALID.search(failure.message)
    return Missing(found.group(1), found.group(2)) if found else None


def gone(write: Write, failure: Failure) -> Failure:
    """The failure as what is to follow: which record is gone, and whether it is made again."""
    if isinstance(failure, RecordGone):
        return _held(write, failure)
    missing = missing_record(failure) if isinstance(failure, Rejected) else None
    for about in write.about:
        if missing is not None and about.record == missing.id:
            return RecordGone(
                f"The {about.role} is no longer in HubSpot, or was merged into another.",
                type=about.type,
                record=missing.id,
                remedy="Nothing to do: the link is forgotten and the record looked up anew.",
                code=failure.code,
                request_id=failure.request_id,
                sent=failure.sent,
            )
    return failure


def _held(write: Write, failure: RecordGone) -> Failure:
    """A deleted meeting is made again by default; a mapping may want a person to decide."""
    if settings_of(write).if_gone == "make" or write.record is None:
        return failure
    return Rejected(
        f"The {write.role} was deleted in HubSpot, and the mapping does not make it again.",
        remedy="Restore it in HubSpot and run `crmwire retry`, or dismiss the delivery.",
        code=failure.code,
        request_id=failure.request_id,
        sent=failure.sent,
    )
