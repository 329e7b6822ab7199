"""Which records are associated with others: a thousand asked in one call, from the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmwire.errors import Failure, RetryLater
from crmwire.types import Json
from crmwire_hubspot import paths
from crmwire_hubspot.associating import EXEMPT
from crmwire_hubspot.bodies import read
from crmwire_hubspot.errors import failure
from crmwire_hubspot.results import inside, listed, objects, whole
from crmwire_hubspot.scopes import naming_scope, scope

if TYPE_CHECKING:
    from crmwire.connections import Connection

MOST = 1000
"""Inputs in one call."""
ANSWERS = 100
"""Answers that are read for the same inputs, of up to 500 associations of each."""
NONE_THERE = frozenset(["OBJECT_NOT_FOUND", "crm.associations.NO_ASSOCIATIONS_FOUND"])
"""Errors by which the route says that a record is associated with nothing."""

End = tuple[str, str]
"""A record: its type and id."""


def associated_ids(
    conn: Connection, to_type: str, ends: Collection[End]
) -> dict[End, list[str] | Failure]:
    """The ids of the `to_type` records of each end."""
    found: dict[End, list[str] | Failure] = {}
    for from_type in dict.fromkeys(sorted(end[0] for end in ends)):
        ids = sorted(end[1] for end in ends if end[0] == from_type)
        for start in range(0, len(ids), MOST):
            some = ids[start : start + MOST]
            for id_, answer in _read(conn, from_type, to_type, some).items():
                found[from_type, id_] = answer
    return found


def _read(
    conn: Connection, from_type: str, to_type: str, ids: Sequence[str]
) -> dict[str, list[str] | Failure]:
    found: dict[str, list[str] | Failure] = {id_: [] for id_ in ids}
    inputs: list[Json] = [{"id": id_} for id_ in ids]
    try:
        for _ in range(ANSWERS):
            if not inputs:
                break
            response = conn.http.post(
                paths.associations(conn, from_type, to_type, "batch/read"),
                {"inputs": inputs},
                safe=True,
                limit=EXEMPT,
            )
            rest: list[Json] = []
            for result in listed(response):
                # Ids are numbers here, although the document says text (seen).
                id_ = str(inside(result, "from", "id"))
                known = found.setdefault(id_, [])
                if isinstance(known, list):
                    known += [
                        str(to["toObjectId"])
                        for to in objects(result.get("to"))
                        if "toObjectId" in to
                    ]
                after = _after(result)
                if after:
                    rest.append({"id": id_, "after": after})
            for item in objects(whole(response).get("errors")):
                error = read(item)
                if not NONE_THERE & set(error.codes):
                    raise failure(error, request_id=response.request_id)
            inputs = rest
        if inputs:
            raise RetryLater("A record has far more associations than it should have.")
    except Failure as error:
        return dict.fromkeys(ids, naming_scope(error, scope(from_type, "read")))
    return found


def _after(result: Mapping[str, Any]) -> str | None:
    after = inside(result, "paging", "next", "after")
    return str(after) if after else None
