"""Making, changing and deleting one record, with everything that may refuse it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crmwire_salesforce.sandbox_app import people
from crmwire_salesforce.sandbox_app.duplicates import DuplicateOptions, check_duplicates
from crmwire_salesforce.sandbox_app.events import check_links, complete_event, converted
from crmwire_salesforce.sandbox_app.org import Org, Row
from crmwire_salesforce.sandbox_app.places import complete_address
from crmwire_salesforce.sandbox_app.problems import Refused, deleted, not_parsed
from crmwire_salesforce.sandbox_app.schema import Field, ObjectSchema
from crmwire_salesforce.sandbox_app.values import shown, stored

_PEOPLE = ("Contact", "Lead", "User")
_ACTIVITIES = ("Event", "Task")


def create(
    org: Org,
    schema: ObjectSchema,
    body: Any,
    options: DuplicateOptions,
    *,
    as_admin: bool = False,
) -> Row:
    """Make a record. `as_admin` passes rights and rules, for what a person does on screen.

    Raises: Refused.
    """
    if not as_admin:
        org.refuse("record", schema.name)
    sent = _read(org, schema, body, creating=True, as_admin=as_admin)
    guests = people.guests_of(org, schema, sent)
    if org.person_accounts and schema.name == "Account":
        people.complete_account(sent)
    if not (schema.createable or as_admin):
        raise _no_access()
    missing = [
        field.name
        for field in schema.fields.values()
        if field.required and sent.get(field.name) is None
    ]
    if missing:
        raise Refused(
            "REQUIRED_FIELD_MISSING",
            f"Required fields are missing: [{', '.join(missing)}]",
            fields=missing,
        )
    now = org.now()
    row: Row = {field.name: field.default for field in schema.fields.values()}
    if "OwnerId" in row:
        row["OwnerId"] = org.user_id
    row |= {"Id": org.fresh_id(schema), "CreatedDate": now, "CreatedById": org.user_id}
    row |= sent
    _assign(org, schema, row, sent, options)
    _finish(org, schema, row, sent, options, as_admin=as_admin)
    org.put(schema.name, row, "create", _told(sent))
    _note_activity(org, schema, row)
    people.relate(org, row, guests)
    if org.person_accounts and schema.name == "Account":
        row = people.put_contact(org, row)
    return row


def update(
    org: Org,
    schema: ObjectSchema,
    old: Row,
    body: Any,
    options: DuplicateOptions,
    *,
    as_admin: bool = False,
) -> Row:
    """Change a record. Raises: Refused."""
    if not as_admin:
        org.refuse("record", schema.name)
    if old.get("IsDeleted"):
        raise deleted()
    sent = _read(org, schema, body, creating=False, as_admin=as_admin)
    if old.get("IsPersonAccount") and schema.name == "Contact":
        raise people.is_person_account()
    if not (schema.updateable or as_admin):
        raise _no_access()
    if old.get("IsConverted") and not as_admin:
        raise converted()
    blanked = [name for name, value in sent.items() if value is None and _never_null(schema, name)]
    if blanked:
        raise Refused(
            "REQUIRED_FIELD_MISSING",
            f"Required fields are missing: [{', '.join(blanked)}]",
            fields=blanked,
        )
    row = {**old, **sent}
    _assign(org, schema, row, sent, options)
    _finish(org, schema, row, sent, options, as_admin=as_admin)
    org.put(schema.name, row, "update", _told(sent))
    _note_activity(org, schema, row)
    if row.get("IsPersonAccount") and schema.name == "Account":
        row = people.put_contact(org, row)
    return row


def _assign(
    org: Org, schema: ObjectSchema, row: Row, sent: Mapping[str, Any], options: DuplicateOptions
) -> None:
    """Let the active assignment rule name the owner of a lead, unless the header forbids it.

    Without the header the rule is used, also on updates ("Assignment Rule Header" in the REST API
    Developer Guide). Guess: that it wins over an owner who was sent.
    """
    if org.assignment_owner and options.auto_assign and schema.name == "Lead":
        row["OwnerId"] = org.assignment_owner


def delete(org: Org, schema: ObjectSchema, row: Row) -> None:
    """Move a record to the recycle bin. Raises: Refused."""
    org.refuse("record", schema.name)
    if row.get("IsDeleted"):
        raise deleted()
    if not schema.deletable:
        raise _no_access()
    org.put(schema.name, {**row, "IsDeleted": True, "SystemModstamp": org.now()}, "delete", {})
    if schema.name in ("Contact", "Lead"):
        # Guess: a deleted person's activities go with them.
        for name in _ACTIVITIES:
            for activity in list(org.rows(name)):
                if activity.get("WhoId") == row["Id"]:
                    org.put(name, {**activity, "IsDeleted": True}, "delete", {})


def find_by_key(org: Org, schema: ObjectSchema, field: Field, value: str) -> list[Row]:
    """The live records with this value in a key field; case does not matter, but in ids."""
    if field.name == "Id":
        row = org.row(schema.name, value)
        return [row] if row is not None and not row.get("IsDeleted") else []
    wanted = value.strip().lower()
    return [
        row
        for row in org.rows(schema.name)
        if row.get(field.name) is not None and str(row[field.name]).lower() == wanted
    ]


# ---------------------------------------------------------------- what a request says


def _read(
    org: Org, schema: ObjectSchema, body: Any, *, creating: bool, as_admin: bool
) -> dict[str, Any]:
    """The values of a request by canonical field name. Raises: Refused."""
    if not isinstance(body, Mapping):
        raise not_parsed("The HTTP entity body is required, but this request has no entity body.")
    sent: dict[str, Any] = {}
    locked: list[str] = []
    for name, value in body.items():
        if name == "attributes":
            continue
        if name.lower() == "id":
            raise Refused(
                "INVALID_FIELD", "The Id field should not be specified in the sobject data."
            )
        field = schema.field(name)
        if field is None and isinstance(value, Mapping):
            field = schema.relation(name)
            value = _looked_up(org, field, value) if field else None
        if field is None:
            raise unknown_field(schema, name)
        if not (field.createable if creating else field.updateable) and not as_admin:
            locked.append(field.name)
            continue
        sent[field.name] = value if field.type == "junctionIdList" else stored(field, value)
    if locked:
        raise Refused(
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            f"Unable to create/update fields: {', '.join(locked)}. Please check the security "
            "settings of this field and verify that it is read/write for your profile or "
            "permission set.",
            fields=locked,
        )
    return sent


def unknown_field(schema: ObjectSchema, name: str) -> Refused:
    return Refused("INVALID_FIELD", f"No such column '{name}' on sobject of type {schema.name}")


def _looked_up(org: Org, field: Field, value: Mapping[str, Any]) -> str:
    """The id of the record that a nested object names by a key field."""
    keys = [name for name in value if name != "attributes"]
    attributes = value.get("attributes")
    if len(field.refers) > 1 and next(iter(value), None) != "attributes":
        raise not_parsed(
            "Nested object for polymorphic foreign key must have an attributes field before any "
            "other fields."
        )
    target = attributes["type"] if isinstance(attributes, Mapping) else field.refers[0]
    schema = org.schema(str(target))
    key = schema.field(keys[0]) if schema and len(keys) == 1 else None
    rows = find_by_key(org, schema, key, str(value[keys[0]])) if schema and key else []
    if schema is None or key is None or not key.is_key or len(rows) != 1:
        raise Refused(
            "INVALID_FIELD",
            f"Foreign key external ID: {list(value.values())[-1]} not found for field "
            f"{keys[0] if keys else '?'} in entity {target}",
            fields=[],
        )
    return str(rows[0]["Id"])


def _never_null(schema: ObjectSchema, name: str) -> bool:
    field = schema.field(name)
    return field is not None and not field.nillable


def _no_access() -> Refused:
    return Refused(
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "insufficient access rights on object id",
        fields=[],
        status=403,
    )


# ---------------------------------------------------------------- before it is stored


def _finish(
    org: Org,
    schema: ObjectSchema,
    row: Row,
    sent: Mapping[str, Any],
    options: DuplicateOptions,
    *,
    as_admin: bool,
) -> None:
    """Complete a record and hold it against everything that may refuse it."""
    _check_references(org, schema, sent)
    _check_unique(org, schema, row, sent)
    given = [one.id for one in schema.record_types if one.available]
    if not as_admin and sent.get("RecordTypeId", "") and sent["RecordTypeId"] not in given:
        raise Refused(
            "INVALID_CROSS_REFERENCE_KEY",
            "Record Type ID: this ID value isn't valid for the user",
            fields=["RecordTypeId"],
        )
    if schema.name in _PEOPLE:
        row["Name"] = " ".join(p for p in (row.get("FirstName"), row.get("LastName")) if p)
    complete_address(org, schema, row, sent)
    if schema.name == "Event":
        complete_event(row, sent, multiday=org.multiday_events)
    if schema.name in _ACTIVITIES:
        check_links(org, row)
    if not as_admin:
        _check_rules(org, schema, row)
        if "Email" in sent:
            check_duplicates(org, schema, row, options)
    row["LastModifiedDate"] = row["SystemModstamp"] = org.now()
    row["LastModifiedById"] = org.user_id


def _check_references(org: Org, schema: ObjectSchema, sent: Mapping[str, Any]) -> None:
    for field, value in _references(schema, sent):
        found = org.any_row(value)
        if found is None:
            raise Refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=[])
        target, row = found
        if target.name not in field.refers:
            raise Refused(
                "MALFORMED_ID",
                f"{field.label}: id value of incorrect type: {value}",
                fields=[field.name],
            )
        if row.get("IsDeleted"):
            raise Refused("ENTITY_IS_DELETED", "entity is deleted", fields=[])
        if field.name == "OwnerId" and target.name == "User" and not row["IsActive"]:
            raise Refused(
                "INACTIVE_OWNER_OR_USER",
                f"operation performed with inactive user [{value[:15]}] as owner of "
                f"{schema.name.lower()}",
                fields=[],
            )


def _check_unique(org: Org, schema: ObjectSchema, row: Row, sent: Mapping[str, Any]) -> None:
    for name, value in sent.items():
        field = schema.field(name)
        if field is None or not field.unique or value is None:
            continue
        for other in find_by_key(org, schema, field, str(value)):
            if other["Id"] != row["Id"]:
                raise Refused(
                    "DUPLICATE_VALUE",
                    f"duplicate value found: {name} duplicates value on record with id: "
                    f"{other['Id'][:15]}",
                    fields=[],
                )


def _references(schema: ObjectSchema, sent: Mapping[str, Any]) -> Iterator[tuple[Field, str]]:
    for name, value in sent.items():
        field = schema.field(name)
        if field is not None and field.type == "reference" and value:
            yield field, value


def _check_rules(org: Org, schema: ObjectSchema, row: Row) -> None:
    for rule in org.rules:
        if rule.type.lower() != schema.name.lower():
            continue
        field = schema.field(rule.field)
        value = str(row.get(field.name) or "") if field else ""
        broken = rule.contains in value if rule.contains else not value
        if broken:
            raise Refused("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, fields=[])


def _note_activity(org: Org, schema: ObjectSchema, row: Row) -> None:
    """Keep the person's day of the last activity; only past ones count."""
    if schema.name not in _ACTIVITIES or not row.get("WhoId") or not row.get("ActivityDate"):
        return
    found = org.any_row(row["WhoId"])
    if found is None or row["ActivityDate"] > org.now().date():
        return
    target, person = found
    last = person.get("LastActivityDate")
    if last is None or last < row["ActivityDate"]:
        org.put(target.name, {**person, "LastActivityDate": row["ActivityDate"]}, "", {})


def _told(sent: Mapping[str, Any]) -> dict[str, Any]:
    return {name: shown(value) for name, value in sent.items()}
