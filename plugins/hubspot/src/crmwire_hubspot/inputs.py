"""From a write to what a batch call takes."""

from __future__ import annotations

from collections.abc import Mapping

from crmwire.errors import Rejected
from crmwire.types import About, Json, Value, Write
from crmwire_hubspot.batches import Input, Verb
from crmwire_hubspot.kinds import OBJECT_TYPES, association, linked_type
from crmwire_hubspot.settings import settings_of
from crmwire_hubspot.values import as_property, email_key, with_breaks

VERBS: Mapping[str, Verb] = {
    "create": "create",
    "update": "update",
    "upsert": "upsert",
    "delete": "archive",
}


def input_of(write: Write) -> Input:
    """The input for a write whose references are resolved.

    Raises: Rejected for a value that no property holds, or an association HubSpot does not have.
    """
    match write.action:
        case "create":
            return _create(write)
        case "upsert":
            return _upsert(write)
        case "update":
            key = write.record or ""
            body: dict[str, Json] = {"id": key, "properties": properties(write, write.fields)}
            return Input(write=write, key=key, body=body)
        case "delete":
            key = write.record or ""
            return Input(write=write, key=key, body={"id": key})


def properties(write: Write, fields: Mapping[str, Value]) -> dict[str, Json]:
    """Fields as HubSpot takes them: every value a text. Associations are none of them."""
    kind = OBJECT_TYPES.get(write.type)
    html = kind.html_fields if kind else ()
    made: dict[str, Json] = {}
    for name, value in fields.items():
        if linked_type(name) is None:
            text = as_property(name, value, add=name in write.add)
            made[name] = with_breaks(text) if name in html else text
    return made


def _create(write: Write) -> Input:
    given = properties(write, {**write.fields, **write.on_create})
    email = given.get("email")
    # A contact's address may stand once in a batch; other creates have no key.
    key = email_key(str(email)) if email else f"new {write.id}"
    body: dict[str, Json] = {"properties": given}
    associations = [*_associations(write), *_named_ones(write)]
    if associations:
        body["associations"] = associations
    return Input(write=write, key=key, body=body)


def _upsert(write: Write) -> Input:
    if write.match is None:
        raise Rejected("An upsert needs the key to match by.")
    name, value = write.match.name, write.match.value
    key = email_key(value) if name == "email" else value.strip()
    fields = {field: given for field, given in write.fields.items() if field != name}
    # The key makes the address of a new contact. Among the properties it would replace the
    # primary address of a contact that was found by a secondary one (measured by others,
    # rudderlabs/rudder-transformer, read 2026-11).
    body: dict[str, Json] = {
        "id": key,
        "idProperty": name,
        "properties": properties(write, fields),
    }
    return Input(write=write, key=key, body=body)


def _associations(write: Write) -> list[Json]:
    made: list[Json] = []
    primary_given: set[str] = set()
    for about in write.about:
        primary = about.type not in primary_given and settings_of(write).primary_company
        primary_given.add(about.type)
        made.append(
            {
                "to": {"id": _id(about)},
                "types": [_association_type(write.type, about.type, primary=primary)],
            }
        )
    return made


def _named_ones(write: Write) -> list[Json]:
    """Associations with records that the event itself names."""
    return [
        {"to": {"id": id_}, "types": [_association_type(write.type, to, primary=False)]}
        for name, value in write.fields.items()
        if (to := linked_type(name)) is not None
        for id_ in record_ids(name, value)
    ]


def record_ids(name: str, value: Value) -> list[str]:
    """The ids in such a field. Raises: Rejected for what is no id: ids are digits."""
    ids = [part.strip() for part in as_property(name, value).replace(",", ";").split(";")]
    if not all(id_.isascii() and id_.isdigit() for id_ in ids):
        raise Rejected(
            f"{name} wants the id of a record, and was given something else.",
            remedy="Mend the link that names it, or list the field under `drop` in the mapping.",
            code="NO_RECORD_ID",
            fields=(name,),
        )
    return list(dict.fromkeys(ids))


def _association_type(from_type: str, to_type: str, *, primary: bool) -> dict[str, Json]:
    found = association(from_type, to_type, primary=primary)
    if found is None:
        raise Rejected(
            f"crmwire does not know how HubSpot associates {from_type} with {to_type}.",
            remedy="Change `about` in the mapping, then retry.",
        )
    return found


def _id(about: About) -> str:
    if not isinstance(about.record, str):
        raise Rejected(f"The {about.role} to associate with was not written.")
    return about.record
