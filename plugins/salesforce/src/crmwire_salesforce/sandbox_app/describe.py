"""What `describe` says of an object type, and the list of all."""

from __future__ import annotations

from typing import Any

from crmwire_salesforce.sandbox_app.org import Org
from crmwire_salesforce.sandbox_app.schema import Field, ObjectSchema, RecordType

_SOAP = {
    "boolean": "xsd:boolean",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "id": "tns:ID",
    "int": "xsd:int",
    "reference": "tns:ID",
}
_NEVER = (
    "aiPredictionField",
    "autoNumber",
    "calculated",
    "cascadeDelete",
    "caseSensitive",
    "dependentPicklist",
    "deprecatedAndHidden",
    "displayLocationInDecimal",
    "encrypted",
    "formulaTreatNullNumberAsZero",
    "highScaleNumber",
    "htmlFormatted",
    "queryByDistance",
    "restrictedDelete",
    "writeRequiresMasterRead",
)
_NOTHING = (
    "calculatedFormula",
    "compoundFieldName",
    "controllerName",
    "defaultValueFormula",
    "filteredLookupInfo",
    "inlineHelpText",
    "mask",
    "maskType",
    "referenceTargetField",
    "relationshipOrder",
)
_NEVER_SAID = (
    "defaultImplementation",
    "extendedBy",
    "extendsInterfaces",
    "implementedBy",
    "implementsInterfaces",
    "listviewable",
    "lookupLayoutable",
    "networkScopeFieldName",
)


def describe(schema: ObjectSchema, version: str) -> dict[str, Any]:
    """The answer of `/sobjects/X/describe`."""
    return {
        **dict.fromkeys(_NEVER_SAID),
        "actionOverrides": [],
        "childRelationships": [],
        "compactLayoutable": True,
        "searchLayoutable": True,
        "fields": [_field(field) for field in schema.fields.values()],
        "namedLayoutInfos": [],
        "recordTypeInfos": _record_types(schema, version),
        "supportedScopes": [{"label": f"All {schema.plural.lower()}", "name": "everything"}],
        **summary(schema, version),
    }


def describe_all(org: Org, version: str) -> dict[str, Any]:
    """The answer of `/sobjects`."""
    sobjects = [summary(schema, version) for schema in org.schemas.values()]
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": sobjects}


def summary(schema: ObjectSchema, version: str) -> dict[str, Any]:
    """What both answers say of an object type."""
    url = f"/services/data/v{version}/sobjects/{schema.name}"
    merges = schema.name in ("Account", "Contact", "Lead")
    return {
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": schema.createable,
        "custom": schema.name.endswith("__c"),
        "customSetting": False,
        "deepCloneable": False,
        "deletable": schema.deletable,
        "deprecatedAndHidden": False,
        "feedEnabled": merges,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": schema.prefix,
        "label": schema.label,
        "labelPlural": schema.plural,
        "layoutable": True,
        "mergeable": merges,
        "mruEnabled": True,
        "name": schema.name,
        "queryable": True,
        "replicateable": True,
        "retrieveable": True,
        "searchable": True,
        "triggerable": True,
        "undeletable": schema.deletable,
        "updateable": schema.updateable,
        "urls": {"rowTemplate": url + "/{ID}", "describe": url + "/describe", "sobject": url},
    }


_MASTER = RecordType(id="012000000000000AAA", name="Master")


def _record_types(schema: ObjectSchema, version: str) -> list[dict[str, Any]]:
    """The record types with the master one, which every object has."""
    path = f"/services/data/v{version}/sobjects/{schema.name}/describe/layouts"
    return [
        {
            "active": True,
            "available": one.available,
            "defaultRecordTypeMapping": one is _MASTER,
            "developerName": one.name.replace(" ", "_"),
            "master": one is _MASTER,
            "name": one.name,
            "recordTypeId": one.id,
            "urls": {"layout": f"{path}/{one.id}"},
        }
        for one in (*schema.record_types, _MASTER)
    ]


def _field(field: Field) -> dict[str, Any]:
    polymorphic = len(field.refers) > 1 or field.name == "WhatId"
    return {
        **dict.fromkeys(_NEVER, False),
        **dict.fromkeys(_NOTHING),
        "aggregatable": field.filterable and field.type not in ("boolean", "date"),
        "byteLength": field.length * (1 if field.type in ("id", "reference") else 3),
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": field.default if field.defaulted else None,
        "defaultedOnCreate": field.defaulted,
        "digits": 8 if field.type == "int" else 0,
        "externalId": field.external_id,
        "extraTypeInfo": "plaintextarea" if field.type == "textarea" else None,
        "filterable": field.filterable,
        "groupable": field.filterable and field.type not in ("datetime", "combobox"),
        "idLookup": field.id_lookup,
        "label": field.label,
        "length": field.length,
        "name": field.name,
        "nameField": field.name in ("Name", "Subject"),
        "namePointing": polymorphic,
        "nillable": field.nillable,
        "permissionable": field.createable and field.nillable,
        "picklistValues": [_option(field, option) for option in field.options],
        "polymorphicForeignKey": polymorphic,
        "precision": 0,
        "referenceTo": list(field.refers),
        "relationshipName": field.relationship,
        "restrictedPicklist": field.restricted,
        "scale": 0,
        "searchPrefilterable": field.type == "reference" and field.nillable and field.createable,
        "soapType": _SOAP.get(field.type, "xsd:string"),
        "sortable": field.filterable,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable,
    }


def _option(field: Field, option: str) -> dict[str, Any]:
    return {
        "active": True,
        "defaultValue": option == field.default,
        "label": option,
        "validFor": None,
        "value": option,
    }
