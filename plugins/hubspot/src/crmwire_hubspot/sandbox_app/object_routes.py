"""The routes for single records, and for merging two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from crmwire_hubspot.sandbox_app.kinds import CONTACTS, Kind, kind_of
from crmwire_hubspot.sandbox_app.portal import Portal, Stored
from crmwire_hubspot.sandbox_app.records import (
    archive,
    found,
    merge,
    planned_create,
    planned_update,
    shown,
)
from crmwire_hubspot.sandbox_app.refusals import Refusal, malformed, not_found

if TYPE_CHECKING:
    from crmwire_hubspot.sandbox_app.calls import Call

PER_ANSWER, MOST = 10, 100


def list_(call: Call) -> Response:
    """GET the records of a type by id, a chunk at a time."""
    kind = kind_of(call.params["type"])
    archived = call.query.get("archived") == "true"
    try:
        limit = int(call.query.get("limit", PER_ANSWER))
        after = int(call.query.get("after") or 0)
    except ValueError:
        raise malformed("limit and after are numbers") from None
    if not 0 < limit <= MOST:
        raise Refusal(400, f"limit is {MOST} at most")  # Guess: the wording.
    records = [
        one
        for one in sorted(call.portal.records[kind.name].values(), key=lambda one: int(one.id))
        if one.archived == archived and int(one.id) >= after
    ]
    data: dict[str, Any] = {
        "results": [_shown(call, kind, record) for record in records[:limit]],
    }
    if len(records) > limit:
        next_ = str(int(records[limit - 1].id) + 1)
        query = urlencode({**call.query, "after": next_})
        data["paging"] = {"next": {"after": next_, "link": f"{call.url}?{query}"}}
    return JSONResponse(data)


def create(call: Call) -> Response:
    """POST a record."""
    kind = kind_of(call.params["type"])
    plan = planned_create(call, kind, call.body.get("properties"), call.body.get("associations"))
    record, data = plan()
    return JSONResponse(data, 201, headers={"Location": f"{call.url}/{record.id}"})


def read(call: Call) -> Response:
    """GET a record; a merged one answers under its present id."""
    kind = kind_of(call.params["type"])
    key = call.params["id"]
    if call.query.get("archived") == "true":
        gone = call.portal.records[kind.name].get(key)
        if gone is None or not gone.archived:
            raise not_found()
        return JSONResponse(_shown(call, kind, gone))
    return JSONResponse(
        _shown(call, kind, found(call.portal, kind, key, call.query.get("idProperty")))
    )


def update(call: Call) -> Response:
    """PATCH a record."""
    kind = kind_of(call.params["type"])
    record = found(call.portal, kind, call.params["id"], call.query.get("idProperty"))
    _, data = planned_update(call, kind, record, call.body.get("properties"))()
    return JSONResponse(data)


def delete(call: Call) -> Response:
    """DELETE a record. Guess: 204 also for an id that is not there."""
    kind = kind_of(call.params["type"])
    record = call.portal.by_id(kind, call.params["id"])
    if record is not None:
        archive(call.portal, record, call.commit)
    return Response(status_code=204)


def forget(call: Call) -> Response:
    """POST .../gdpr-delete: a contact is gone for good, its address too. 204 in any case."""
    kind = kind_of(call.params["type"])
    if kind is not CONTACTS:
        raise not_found()
    key, by = str(call.body.get("objectId")), call.body.get("idProperty")
    portal = call.portal
    record = portal.by_id(kind, key) if by is None else portal.by_property(kind, str(by), key)
    if record is not None:
        portal.drop(record)
        call.commit("delete", kind.name, record.id, {})
    return Response(status_code=204)


def merge_two(call: Call) -> Response:
    """POST .../merge."""
    kind = kind_of(call.params["type"])
    if not kind.mergeable:
        raise Refusal(400, f"{kind.upper} cannot be merged")  # Guess: the wording.
    primary = found(call.portal, kind, str(call.body.get("primaryObjectId")), None)
    other = found(call.portal, kind, str(call.body.get("objectIdToMerge")), None)
    survivor = merge(call.portal, primary, other, call.commit)
    return JSONResponse(shown(call.portal, survivor, every=True))


def _shown(call: Call, kind: Kind, record: Stored) -> dict[str, Any]:
    asked = [name for name in call.query.get("properties", "").split(",") if name]
    data = shown(call.portal, record, asked or None)
    wanted = [name for name in call.query.get("associations", "").split(",") if name]
    if wanted:
        data["associations"] = _associations(call.portal, kind, record, wanted)
    return data


def _associations(portal: Portal, kind: Kind, record: Stored, wanted: list[str]) -> dict[str, Any]:
    """The relic of v3: types as texts."""
    shown_: dict[str, Any] = {}
    for name in wanted:
        to = kind_of(name)
        ids = portal.linked(kind, record.id, to)
        if ids:
            word = "meeting_event" if kind.name == "meetings" else kind.singular
            other = "meeting_event" if to.name == "meetings" else to.singular
            shown_[to.name] = {
                "results": [{"id": id_, "type": f"{word}_to_{other}"} for id_ in ids]
            }
    return shown_
