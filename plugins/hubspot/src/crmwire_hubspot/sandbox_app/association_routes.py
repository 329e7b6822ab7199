"""The routes for associations, single and in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from crmwire_hubspot.sandbox_app.answers import batch_answer, inputs_of
from crmwire_hubspot.sandbox_app.checks import ENFORCING
from crmwire_hubspot.sandbox_app.kinds import Kind, kind_of
from crmwire_hubspot.sandbox_app.link_types import Way, plain_way, ways
from crmwire_hubspot.sandbox_app.linking import link
from crmwire_hubspot.sandbox_app.refusals import Refusal, malformed

if TYPE_CHECKING:
    from crmwire_hubspot.sandbox_app.calls import Call
    from crmwire_hubspot.sandbox_app.portal import Portal


# ---------------------------------------------------------------- single associations


def put_default(call: Call) -> Response:
    """PUT .../associations/default/{to}/{id}: unlabelled, repeatable."""
    kind, id_, to, to_id = _ends(call)
    way = plain_way(kind, to)
    link(call.portal, kind, id_, to, to_id, [way.id], call.commit)
    return batch_answer(list(_both(id_, to_id, way)), [], 200)


def put_labelled(call: Call) -> Response:
    """PUT .../associations/{to}/{id} with the types in the body."""
    kind, id_, to, to_id = _ends(call)
    type_ids = _type_ids(kind, to, call.json)
    link(call.portal, kind, id_, to, to_id, type_ids, call.commit)
    return JSONResponse(_labelled(kind, id_, to, to_id, type_ids), 201)


def delete(call: Call) -> Response:
    """DELETE: all types between the two."""
    kind, id_, to, to_id = _ends(call)
    call.portal.remove_links((kind.name, id_), (to.name, to_id))
    call.commit("associate", kind.name, id_, {"removed": f"{to.name}/{to_id}"})
    return Response(status_code=204)


def list_(call: Call) -> Response:
    """GET .../associations/{to}."""
    kind, to = kind_of(call.params["type"]), kind_of(call.params["to"])
    limit = int(call.query.get("limit", str(call.portal.association_chunk)))
    start = int(call.query.get("after", "0"))
    data = _chunk_of(call.portal, kind, call.params["id"], to, start, limit)
    return JSONResponse({"results": data.pop("to"), **data})


def _ends(call: Call) -> tuple[Kind, str, Kind, str]:
    kind, to = kind_of(call.params["type"]), kind_of(call.params["to"])
    ids = []
    for end, name in ((kind, "id"), (to, "to_id")):
        record = call.portal.by_id(end, call.params[name])
        if record is None:
            raise Refusal(400, f"{end.upper}={call.params[name]} is not valid")
        ids.append(record.id)
    return kind, ids[0], to, ids[1]


def _type_ids(kind: Kind, to: Kind, specs: object) -> list[int]:
    if not isinstance(specs, list) or not specs:
        raise malformed("association types are a list")
    try:
        type_ids = [int(spec["associationTypeId"]) for spec in specs]
    except (KeyError, TypeError, ValueError):
        raise malformed("an association type has `associationTypeId`") from None
    between = ways(kind, to)
    if any(type_id not in between for type_id in type_ids):
        raise Refusal(400, f"Association types {type_ids} do not fit {kind.upper}")
    return type_ids


def _labelled(kind: Kind, id_: str, to: Kind, to_id: str, type_ids: list[int]) -> dict[str, Any]:
    between = ways(kind, to)
    given = [label for type_id in type_ids if (label := between[type_id].label)]
    return {
        "fromObjectTypeId": kind.type_id,
        "fromObjectId": _number(id_),
        "toObjectTypeId": to.type_id,
        "toObjectId": _number(to_id),
        "labels": given,
    }


def _both(id_: str, to_id: str, way: Way) -> Iterator[dict[str, Any]]:
    for one, other, type_id in ((id_, to_id, way.id), (to_id, id_, way.back)):
        yield {
            "from": {"id": one},
            "to": {"id": other},
            "associationSpec": {
                "associationCategory": "HUBSPOT_DEFINED",
                "associationTypeId": type_id,
            },
        }


def _number(id_: str) -> int | str:
    """Ids are numbers in association answers, although the document says text."""
    return int(id_) if id_.isdigit() else id_


def _chunk_of(
    portal: Portal, kind: Kind, id_: str, to: Kind, start: int, limit: int
) -> dict[str, Any]:
    between = ways(kind, to)
    record = portal.to_write(kind, id_)
    linked = portal.linked(kind, record.id if record else id_, to)
    rows = [
        {
            "toObjectId": _number(to_id),
            "associationTypes": [
                {"category": "HUBSPOT_DEFINED", "typeId": type_id, "label": between[type_id].label}
                for type_id in type_ids
            ],
        }
        for to_id, type_ids in linked.items()
    ]
    data: dict[str, Any] = {"to": rows[start : start + limit]}
    if start + limit < len(rows):
        data["paging"] = {"next": {"after": str(start + limit)}}
    return data


# ---------------------------------------------------------------- batches of associations


def batch_create(call: Call) -> Response:
    """POST .../batch/create: v4 and 2026-03 answer 201 or 207; Guess: 2026-09 200 or 207."""
    kind, to = kind_of(call.params["type"]), kind_of(call.params["to"])
    results, errors = [], []
    for one in inputs_of(call, 2000):
        try:
            id_, to_id = _batch_ends(call.portal, kind, to, one)
            type_ids = _type_ids(kind, to, one.get("types"))
        except Refusal as refusal:
            errors.append(refusal.item())
            continue
        link(call.portal, kind, id_, to, to_id, type_ids, call.commit)
        results.append(_labelled(kind, id_, to, to_id, type_ids))
    return batch_answer(results, errors, 200 if call.version == ENFORCING else 201)


def batch_default(call: Call) -> Response:
    """POST .../batch/associate/default."""
    kind, to = kind_of(call.params["type"]), kind_of(call.params["to"])
    results: list[dict[str, Any]] = []
    errors = []
    for one in inputs_of(call, 2000):
        try:
            id_, to_id = _batch_ends(call.portal, kind, to, one)
            way = plain_way(kind, to)
        except Refusal as refusal:
            errors.append(refusal.item())
            continue
        link(call.portal, kind, id_, to, to_id, [way.id], call.commit)
        results += _both(id_, to_id, way)
    return batch_answer(results, errors, 200)


def batch_read(call: Call) -> Response:
    """POST .../batch/read.

    Guess: a record without associations is an error of the kind that v3 gives; older answers of
    v4 leave it out.
    """
    kind, to = kind_of(call.params["type"]), kind_of(call.params["to"])
    results, errors = [], []
    for one in inputs_of(call, 1000):
        id_ = str(one.get("id"))
        start, most = int(one.get("after") or 0), call.portal.association_chunk
        data = _chunk_of(call.portal, kind, id_, to, start, most)
        if data["to"]:
            results.append({"from": {"id": id_}, **data})
            continue
        errors.append(
            Refusal(
                404,
                f"No {to.singular} is associated with {kind.singular} {id_}.",
                category="OBJECT_NOT_FOUND",
                sub_category="crm.associations.NO_ASSOCIATIONS_FOUND",
                context={
                    "fromObjectId": [id_],
                    "fromObjectType": [kind.singular],
                    "toObjectType": [to.singular],
                },
            ).item()
        )
    return batch_answer(results, errors, 200)


def batch_archive(call: Call) -> Response:
    """POST .../batch/archive: v4 204, dated 200."""
    kind, to = kind_of(call.params["type"]), kind_of(call.params["to"])
    for one in inputs_of(call, 100):
        ends = one.get("to")
        for end in ends if isinstance(ends, list) else []:
            start = (kind.name, str(one["from"]["id"]))
            call.portal.remove_links(start, (to.name, str(end["id"])))
    if call.legacy:
        return Response(status_code=204)
    return batch_answer([], [], 200)


def labels(call: Call) -> Response:
    """GET .../labels."""
    kind, to = kind_of(call.params["type"]), kind_of(call.params["to"])
    return JSONResponse(
        {
            "results": [
                {"category": "HUBSPOT_DEFINED", "typeId": way.id, "label": way.label}
                for way in ways(kind, to).values()
            ]
        }
    )


def _batch_ends(portal: Portal, kind: Kind, to: Kind, one: Mapping[str, Any]) -> tuple[str, str]:
    ids = []
    for end, name in ((kind, "from"), (to, "to")):
        given = one.get(name)
        id_ = str(given.get("id")) if isinstance(given, Mapping) else ""
        if not id_.isdigit():
            raise Refusal(
                400,
                f"{id_} is not a valid ID",
                sub_category="crm.associations.INVALID_IDENTIFIER",
                context={"id": [id_]},
            )
        record = portal.to_write(end, id_)
        if record is None:
            raise Refusal(400, f"{end.upper}={id_} is not valid")
        ids.append(record.id)
    return ids[0], ids[1]
