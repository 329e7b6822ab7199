"""`composite/sobjects`: up to 200 records in one call, judged one by one or all together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from crmwire_salesforce.sandbox_app import records
from crmwire_salesforce.sandbox_app.calls import Answer, Call, wrong_method
from crmwire_salesforce.sandbox_app.org import Org
from crmwire_salesforce.sandbox_app.problems import Refused, not_found, not_parsed
from crmwire_salesforce.sandbox_app.schema import ObjectSchema
from crmwire_salesforce.sandbox_app.sobjects import as_json, key_field, upsert

MAX_ROWS = 200
MAX_RUNS = 10


def answer_collection(org: Org, call: Call) -> Answer:
    """Answer what stands below `/composite/sobjects`. Raises: Refused."""
    match (call.method, *call.path[2:]):
        case ("POST",):
            return _each(org, call, lambda row: _create(org, call, row))
        case ("PATCH",):
            return _each(org, call, lambda row: _update(org, call, row))
        case ("PATCH", str(type_), str(name)):
            schema = org.schema(type_)
            if schema is None:
                raise not_found()
            key = key_field(schema, name)
            _refuse_repeats(call, key.name)
            return _each(org, call, lambda row: _upsert(org, call, schema, key.name, row))
        case ("DELETE",):
            return _delete(org, call)
        case ("GET" | "POST", str(type_)):
            return _read(org, call, type_)
    raise wrong_method(call, "DELETE", "GET", "PATCH", "POST")


def _refuse_repeats(call: Call, name: str) -> None:
    """Two rows of one request may not have one key. Guess: that the whole request is refused."""
    rows = call.body.get("records") if isinstance(call.body, dict) else None
    given = [
        str(value).strip().lower()
        for row in rows or ()
        if isinstance(row, dict)
        for key, value in row.items()
        if key.lower() == name.lower()
    ]
    if len(set(given)) < len(given):
        raise Refused("DUPLICATE_VALUE", "Duplicate external id specified", fields=[name])


def _each(org: Org, call: Call, do: Callable[[dict[str, Any]], dict[str, Any]]) -> Answer:
    body = call.body
    if not isinstance(body, dict) or not isinstance(body.get("records"), list):
        raise not_parsed("The request needs a list `records`.")
    rows = body["records"]
    types = [(row.get("attributes") or {}).get("type") for row in rows if isinstance(row, dict)]
    runs = 1 + sum(one != next_ for one, next_ in pairwise(types))
    if len(rows) > MAX_ROWS:
        raise Refused(
            "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {MAX_ROWS}"
        )
    if runs > MAX_RUNS:
        # Guess: the code. The limit is documented: ten runs of one type.
        raise Refused("LIMIT_EXCEEDED", f"more than {MAX_RUNS} chunks of records by type")
    return _judged(org, [partial(do, row) for row in rows], bool(body.get("allOrNone")))


def _judged(org: Org, steps: Sequence[Callable[[], dict[str, Any]]], all_or_none: bool) -> Answer:
    begin, results, failed = org.mark(), [], False
    for step in steps:
        mark = org.mark()
        try:
            results.append(step())
        except Refused as error:
            org.roll_back(mark)
            results.append(error.row())
            failed = True
    if failed and all_or_none:
        org.roll_back(begin)
        undone = Refused(
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "Record rolled back because not all records were valid and the request was using "
            "AllOrNone header",
        )
        results = [undone.row() if result["success"] else result for result in results]
    return Answer(body=results)


def _schema(org: Org, row: Any) -> ObjectSchema:
    attributes = row.get("attributes") if isinstance(row, dict) else None
    if not isinstance(attributes, dict):
        raise not_parsed(
            "Nested object for polymorphic foreign key must have an attributes field before any "
            "other fields."
        )
    schema = org.schema(str(attributes.get("type")))
    if schema is None:
        raise Refused("INVALID_TYPE", f"sObject type '{attributes.get('type')}' is not supported.")
    return schema


def _create(org: Org, call: Call, row: dict[str, Any]) -> dict[str, Any]:
    made = records.create(org, _schema(org, row), row, call.options)
    return {"id": made["Id"], "success": True, "errors": []}


def _update(org: Org, call: Call, row: dict[str, Any]) -> dict[str, Any]:
    schema = _schema(org, row)
    values = {name: value for name, value in row.items() if name.lower() != "id"}
    ids = [value for name, value in row.items() if name.lower() == "id"]
    if not ids:
        raise Refused("MISSING_ARGUMENT", "Id not specified in an update call")
    old = org.row(schema.name, str(ids[0]))
    if old is None:
        raise Refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    records.update(org, schema, old, values, call.options)
    return {"id": old["Id"], "success": True, "errors": []}


def _upsert(
    org: Org, call: Call, schema: ObjectSchema, name: str, row: dict[str, Any]
) -> dict[str, Any]:
    try:
        _schema(org, row)
        values = {key: value for key, value in row.items() if key.lower() != name.lower()}
        keys = [value for key, value in row.items() if key.lower() == name.lower()]
        if not keys:
            raise Refused("MISSING_ARGUMENT", f"{name} not specified")
        made, created = upsert(org, call, schema, key_field(schema, name), str(keys[0]), values)
    except Refused as error:
        error.more["created"] = False
        raise
    return {"id": made["Id"], "success": True, "errors": [], "created": created}


def _delete(org: Org, call: Call) -> Answer:
    ids = [id_.strip() for id_ in call.params.get("ids", "").split(",") if id_.strip()]
    if len(ids) > MAX_ROWS:
        raise Refused(
            "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {MAX_ROWS}"
        )

    def one(id_: str) -> dict[str, Any]:
        found = org.any_row(id_)
        if found is None:
            raise Refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        records.delete(org, *found)
        return {"id": found[1]["Id"], "success": True, "errors": []}

    return _judged(org, [partial(one, id_) for id_ in ids], call.flag("allOrNone"))


def _read(org: Org, call: Call, type_: str) -> Answer:
    schema = org.schema(type_)
    if schema is None:
        raise not_found()
    body = call.body if isinstance(call.body, dict) else {}
    ids = body.get("ids") or call.params.get("ids", "").split(",")
    names = body.get("fields") or call.params.get("fields", "").split(",")
    rows = [org.row(schema.name, str(id_)) for id_ in ids]
    return Answer(
        body=[
            as_json(call, schema, row, [str(name) for name in names if name])
            if row is not None and not row.get("IsDeleted")
            else None
            for row in rows
        ]
    )
