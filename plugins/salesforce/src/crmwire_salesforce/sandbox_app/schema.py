"""What an object type and its fields are: the flags that decide what may be written."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from attrs import frozen


@frozen(kw_only=True)
class Field:
    """One field, with the flags of a describe that matter here. `options` of a picklist."""

    name: str
    label: str
    type: str = "string"
    length: int = 0
    createable: bool = True
    updateable: bool = True
    nillable: bool = True
    defaulted: bool = False
    default: object = None
    filterable: bool = True
    refers: tuple[str, ...] = ()
    relationship: str | None = None
    id_lookup: bool = False
    external_id: bool = False
    unique: bool = False
    restricted: bool = False
    options: tuple[str, ...] = ()

    @property
    def custom(self) -> bool:
        return self.name.endswith(("__c", "__pc"))

    @property
    def required(self) -> bool:
        """Must be sent on create."""
        return self.createable and not self.nillable and not self.defaulted

    @property
    def is_key(self) -> bool:
        """May stand in the path of an upsert."""
        return self.id_lookup or self.external_id


@frozen(kw_only=True)
class RecordType:
    """One record type; `available` to the connected user's profile or not."""

    id: str
    name: str
    available: bool = True


@frozen(kw_only=True)
class ObjectSchema:
    """One object type. `createable` and so on are the connected user's rights."""

    name: str
    label: str
    plural: str
    prefix: str
    fields: Mapping[str, Field]
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    record_types: tuple[RecordType, ...] = ()

    def field(self, name: str) -> Field | None:
        """The field of that name, whatever its case."""
        return self.fields.get(name.lower())

    def relation(self, name: str) -> Field | None:
        """The reference that has this relationship name, such as `Who`."""
        for field in self.fields.values():
            if field.relationship and field.relationship.lower() == name.lower():
                return field
        return None

    def with_field(self, field: Field) -> ObjectSchema:
        return attrs.evolve(self, fields={**self.fields, field.name.lower(): field})

    def without_field(self, name: str) -> ObjectSchema:
        fields = {key: field for key, field in self.fields.items() if key != name.lower()}
        return attrs.evolve(self, fields=fields)


def by_name(*fields: Field) -> dict[str, Field]:
    return {field.name.lower(): field for field in fields}
