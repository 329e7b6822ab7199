"""Fields of the usual kinds, as a describe has them."""

from __future__ import annotations

from typing import Any

from crmwire_salesforce.sandbox_app.schema import Field


def text(name: str, label: str, length: int, **more: Any) -> Field:
    return Field(name=name, label=label, length=length, **more)


def needed(name: str, label: str, length: int) -> Field:
    return text(name, label, length, nillable=False)


def area(name: str, label: str, length: int = 32000) -> Field:
    return text(name, label, length, type="textarea", filterable=length <= 255)


def phone(name: str, label: str) -> Field:
    return text(name, label, 40, type="phone")


def pick(name: str, label: str, *options: str, **more: Any) -> Field:
    return text(name, label, more.pop("length", 255), type="picklist", options=options, **more)


def flag(name: str, label: str, **more: Any) -> Field:
    more = {"nillable": False, "defaulted": True, "default": False, **more}
    return Field(name=name, label=label, type="boolean", **more)


def link(name: str, label: str, *refers: str, **more: Any) -> Field:
    relation = more.pop("relationship", name.removesuffix("Id"))
    return text(name, label, 18, type="reference", refers=refers, relationship=relation, **more)


def when(name: str, label: str, type_: str = "datetime", **more: Any) -> Field:
    return Field(name=name, label=label, type=type_, **more)


READ: dict[str, Any] = {"createable": False, "updateable": False}
SET: dict[str, Any] = {**READ, "nillable": False, "defaulted": True}


def address(prefix: str) -> tuple[Field, ...]:
    start = f"{prefix} " if prefix else ""
    return (
        area(f"{prefix}Street", f"{start}Street", 255),
        text(f"{prefix}City", f"{start}City", 40),
        text(f"{prefix}State", f"{start}State/Province", 80),
        text(f"{prefix}PostalCode", f"{start}Zip/Postal Code", 20),
        text(f"{prefix}Country", f"{start}Country", 80),
    )


def common(label: str) -> tuple[Field, ...]:
    """What every record has."""
    return (
        text("Id", label, 18, type="id", id_lookup=True, **SET),
        flag("IsDeleted", "Deleted", **READ),
        when("CreatedDate", "Created Date", **SET),
        link("CreatedById", "Created By ID", "User", **SET),
        when("LastModifiedDate", "Last Modified Date", **SET),
        link("LastModifiedById", "Last Modified By ID", "User", **SET),
        when("SystemModstamp", "System Modstamp", **SET),
    )


def owner(label: str, *types: str) -> Field:
    return link("OwnerId", label, *types, nillable=False, defaulted=True)
