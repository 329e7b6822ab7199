"""A property definition."""

from __future__ import annotations

from typing import Any

from attrs import frozen


@frozen(kw_only=True)
class Property:
    """One property definition."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str
    options: tuple[str, ...] = ()
    external: bool = False
    read_only: bool = False
    calculated: bool = False
    hidden: bool = False
    unique: bool = False
    built_in: bool = True

    def shown(self, order: int) -> dict[str, Any]:
        """The definition as the properties API gives it; built-in ones have no `createdAt`."""
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": "",
            "groupName": self.group,
            "options": [
                {
                    "label": option.replace("_", " ").capitalize(),
                    "value": option,
                    "displayOrder": number,
                    "hidden": False,
                }
                for number, option in enumerate(self.options)
            ],
            "displayOrder": order,
            "calculated": self.calculated,
            "externalOptions": self.external,
            "hasUniqueValue": self.unique,
            "hidden": self.hidden,
            "hubspotDefined": self.built_in,
            "modificationMetadata": {
                "archivable": True,
                "readOnlyDefinition": self.built_in,
                "readOnlyValue": self.read_only or self.calculated,
            },
            "formField": not self.read_only,
            "dataSensitivity": "non_sensitive",
        }
