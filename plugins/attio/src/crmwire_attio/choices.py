"""Choices of select and status attributes that Attio does not know.

Its refusal (`value_not_found`) names the choice only, neither the attribute nor the choices that
there are, so both are added here: the first lets the mapping's `drop` work, the second tells a
person what to write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmwire.errors import Failure, Rejected
from crmwire_attio import api
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
    if failure.code != UNKNOWN or failure.fields:
        return failure
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
            return failure
        failure.remedy = f"{slug} takes {', '.join(known) or 'nothing yet'}: change the row in "
        failure.remedy += "the mapping, or add the choice in Attio; then retry."
        return failure
    return failure
