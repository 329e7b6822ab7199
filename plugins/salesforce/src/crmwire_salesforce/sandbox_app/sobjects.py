"""Single records: create, read, change, delete, and by a key field."""

from __future__ import annotations

from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from crmwire_salesforce.sandbox_app import records
from crmwire_salesforce.sandbox_app.calls import Answer, Call, wrong_method
from crmwire_salesforce.sandbox_app.describe import describe, describe_all
from crmwire_salesforce.sandbox_app.org import Org, Row
from crmwire_salesforce.sandbox_app.problems import Refused, deleted, not_found
from crmwire_salesforce.sandbox_app.schema import Field, ObjectSchema
from crmwire_salesforce.sandbox_app.tooling import grant
from crmwire_salesforce.sandbox_app.values import shown


def answer_sobjects(org: Org, call: Call) -> Answer:
    """Answer what stands below `/sobjects`. Raises: Refused."""
    rest = call.path[1:]
    if not rest:
        return Answer(body=describe_all(org, call.version))
    schema = org.schema(rest[0])
    if schema is None:
        raise not_found()
    match (call.method, *rest[1:]):
        case ("GET", "describe"):
            return _describe(org, call, schema)
        case ("POST",):
            row = records.create(org, schema, call.body, call.options)
            grant(org, schema.name, row)
            return _created(call, schema, row)
        case (_, str(id_)):
            return _by_id(org, call, schema, id_)
        case (_, str(name), str(value)):
            return _by_key(org, call, schema, name, value)
        case _:
            raise wrong_method(call, "GET", "HEAD", "POST")


def _describe(org: Org, call: Call, schema: ObjectSchema) -> Answer:
    """The description, or 304 where it has not changed. Guess: that `Last-Modified` is sent."""
    changed = org.changed_at(schema)
    headers = {"Last-Modified": format_datetime(changed, usegmt=True)}
    since = call.headers.get("if-modified-since", "")
    try:
        unchanged = bool(since) and changed <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        unchanged = False
    if unchanged:
        return Answer(status=304, headers=headers)
    return Answer(body=describe(schema, call.version), headers=headers)


def _created(call: Call, schema: ObjectSchema, row: Row) -> Answer:
    return Answer(
        status=201,
        body={"id": row["Id"], "success": True, "errors": []},
        headers={"Location": location(call, schema, row)},
    )


def location(call: Call, schema: ObjectSchema, row: Row) -> str:
    return f"/services/data/v{call.version}/sobjects/{schema.name}/{row['Id']}"


def as_json(
    call: Call, schema: ObjectSchema, row: Row, names: list[str] | None = None
) -> dict[str, Any]:
    """A record as it is read. Raises: Refused if a field is not known."""
    fields = list(schema.fields.values())
    if names is not None:
        fields = [_named(schema, name) for name in ("Id", *names)]
    attributes = {"type": schema.name, "url": location(call, schema, row)}
    return {"attributes": attributes, **{f.name: shown(row.get(f.name)) for f in fields}}


def _named(schema: ObjectSchema, name: str) -> Field:
    field = schema.field(name)
    if field is None:
        raise records.unknown_field(schema, name)
    return field


def _by_id(org: Org, call: Call, schema: ObjectSchema, id_: str) -> Answer:
    row = org.row(schema.name, id_) if len(id_) in (15, 18) else None
    if row is None:
        raise not_found()
    if row.get("IsDeleted"):
        raise deleted()
    match call.method:
        case "GET":
            return _read(call, schema, row)
        case "PATCH":
            records.update(org, schema, row, call.body, call.options)
        case "DELETE":
            records.delete(org, schema, row)
        case _:
            raise wrong_method(call, "DELETE", "GET", "HEAD", "PATCH")
    return Answer(status=204)


def _read(call: Call, schema: ObjectSchema, row: Row) -> Answer:
    asked = call.params.get("fields")
    names = [name.strip() for name in asked.split(",")] if asked else None
    headers = {}
    if row.get("LastModifiedDate"):
        headers["Last-Modified"] = format_datetime(row["LastModifiedDate"], usegmt=True)
    return Answer(body=as_json(call, schema, row, names), headers=headers)


def key_field(schema: ObjectSchema, name: str) -> Field:
    """The field that records may be addressed by. Raises: Refused."""
    field = schema.field(name)
    if field is None or not field.is_key:
        raise not_found(f"Provided external ID field does not exist or is not accessible: {name}")
    return field


def _by_key(org: Org, call: Call, schema: ObjectSchema, name: str, value: str) -> Answer:
    field = key_field(schema, name)
    rows = records.find_by_key(org, schema, field, value)
    if len(rows) > 1:
        return Answer(status=300, body=[location(call, schema, row) for row in rows])
    match call.method:
        case "GET" if rows:
            return _read(call, schema, rows[0])
        case "DELETE" if rows:
            records.delete(org, schema, rows[0])
            return Answer(status=204)
        case "PATCH" | "POST":
            return _upserted(org, call, schema, field, value, rows)
        case "GET" | "DELETE":
            raise not_found()
    raise wrong_method(call, "DELETE", "GET", "HEAD", "PATCH")


def _upserted(
    org: Org, call: Call, schema: ObjectSchema, field: Field, value: str, rows: list[Row]
) -> Answer:
    body = call.body if isinstance(call.body, dict) else {}
    if field.name.lower() in {name.lower() for name in body}:
        raise Refused(
            "INVALID_FIELD",
            f"The {field.name} field should not be specified in the sobject data.",
        )
    if not rows and (call.flag("updateOnly") or field.name == "Id"):
        raise not_found()
    row, created = upsert(org, call, schema, field, value, body)
    return Answer(
        status=201 if created else 200,
        body={"id": row["Id"], "success": True, "errors": [], "created": created},
        headers={"Location": location(call, schema, row)},
    )


def upsert(
    org: Org, call: Call, schema: ObjectSchema, field: Field, value: str, body: dict[str, Any]
) -> tuple[Row, bool]:
    """Change the record with this key, or create it. Raises: Refused."""
    rows = records.find_by_key(org, schema, field, value)
    if len(rows) > 1:
        ids = ", ".join(row["Id"] for row in rows)
        raise Refused(
            "DUPLICATE_EXTERNAL_ID",
            f"{field.label}: more than one record found for external id field: [{ids}]",
            fields=[field.name],
        )
    if rows:
        return records.update(org, schema, rows[0], body, call.options), False
    return records.create(org, schema, {**body, field.name: value}, call.options), True
