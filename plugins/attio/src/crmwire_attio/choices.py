"""Choices and referenced records that Attio does not know.

Its refusal (`value_not_found`) names the choice only, neither the attribute nor the choices that
there are, so both are added here: the first lets the mapping's `drop` work, the second tells a
person what to write. A referenced record may have been deleted or merged since it was linked:
which one is asked for, so that it is forgotten and found anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmwire.errors import Failure, RecordGone, Rejected
from crmwire_attio import api
from crmwire_attio.errors import BY_CODE, GONE
from crmwire_attio.flows import Flow
from crmwire_attio.schema import Attribute, choices

PLURAL = {"select": "options", "status": "statuses"}
UNKNOWN = "value_not_found"


def explained(
    type_: str,
    attributes: Mapping[str, Attribute],
    given: Mapping[str, Sequence[Any]],
    failure: Rejected,
) -> Flow[Rejected]:
    """The refusal, with the attribute it is about and what that one takes, if that can be told."""
    if failure.code != UNKNOWN:
        return failure
    if not failure.fields and (yield from _named_choice(type_, attributes, given, failure)):
        return failure
    return (yield from _gone(attributes, given, failure)) or failure


def _named_choice(
    type_: str,
    attributes: Mapping[str, Attribute],
    given: Mapping[str, Sequence[Any]],
    failure: Rejected,
) -> Flow[bool]:
    """Complete a refusal that is about a choice; whether it is."""
    for slug, several in given.items():
        attribute = attributes[slug]
        if attribute.type not in PLURAL or not any(
            f'"{one}"' in failure.message for one in several
        ):
            continue
        failure.fields = (slug,)
        path = (*api.container(type_), "attributes", slug, PLURAL[attribute.type])
        try:
            known = choices((yield api.read(*path)))
        except Failure:
            return True
        failure.remedy = f"{slug} takes {', '.join(known) or 'nothing yet'}: change the row in "
        failure.remedy += "the mapping, or add the choice in Attio; then retry."
        return True
    return False


def _gone(
    attributes: Mapping[str, Attribute], given: Mapping[str, Sequence[Any]], failure: Rejected
) -> Flow[RecordGone | None]:
    """The referenced record that is not there, if that is what was refused."""
    for slug, several in given.items():
        if attributes[slug].type != "record-reference":
            continue
        if failure.fields and slug not in failure.fields:
            continue
        for one in several:
            object_, record = one.get("target_object"), one.get("target_record_id")
            if record is None:
                continue
            try:
                found = yield from api.all_rows(object_, {"record_id": {"$in": [record]}})
                if found:
                    continue
                # A link is kept under the object's slug, an attribute names its id.
                named = (yield api.read("objects", object_)).json()["data"]["api_slug"]
            except Failure:
                return None
            return RecordGone(
                failure.message,
                type=named,
                record=record,
                remedy=BY_CODE[GONE].remedy,
                code=failure.code,
                fields=(slug,),
                request_id=failure.request_id,
            )
    return None
