"""Duplicate rules: a new contact or lead with an address that is there already."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from crmwire_salesforce.sandbox_app.org import Org, Row
from crmwire_salesforce.sandbox_app.problems import Refused
from crmwire_salesforce.sandbox_app.schema import ObjectSchema

_MESSAGE = "You're creating a duplicate record. We recommend you use an existing record instead."


@frozen(kw_only=True)
class DuplicateOptions:
    """What a request's headers say of duplicates and assignment rules, and its API version."""

    allow_save: bool = False
    details: bool = False
    auto_assign: bool = True
    version: float = 62.0


def read_options(header: str, version: float, auto_assign: str = "") -> DuplicateOptions:
    """Read `allowSave=true; includeRecordDetails=true`; the separator may be a comma.

    `Sforce-Auto-Assign` is on unless it says `FALSE`.
    """
    parts = dict(
        part.strip().lower().partition("=")[::2] for part in header.replace(",", ";").split(";")
    )
    return DuplicateOptions(
        allow_save=parts.get("allowsave", "").strip() == "true",
        details=parts.get("includerecorddetails", "").strip() == "true",
        auto_assign=auto_assign.strip().lower() != "false",
        version=version,
    )


def check_duplicates(org: Org, schema: ObjectSchema, row: Row, options: DuplicateOptions) -> None:
    """Refuse a duplicate, as the org's rule says.

    Simpler than the standard rules, which also compare names loosely: the same address is a
    duplicate. `allowSave` passes a rule that alerts, never one that blocks.
    """
    if org.duplicate_rule == "off" or schema.name not in ("Contact", "Lead"):
        return
    if org.duplicate_rule == "alert" and options.allow_save:
        return
    email = (row.get("Email") or "").lower()
    matches = [
        other
        for other in org.rows(schema.name)
        if email and (other.get("Email") or "").lower() == email and other["Id"] != row["Id"]
    ]
    if not matches:
        return
    # The misspelt name is seen in v50 and v54, the right one in v60 and v62. Guess: the border.
    name = "duplicateResut" if options.version < 60 else "duplicateResult"
    raise Refused(
        "DUPLICATES_DETECTED",
        _MESSAGE,
        more={name: _result(org, schema, matches, options)},
    )


def _result(
    org: Org, schema: ObjectSchema, matches: list[Row], options: DuplicateOptions
) -> dict[str, Any]:
    return {
        "allowSave": org.duplicate_rule == "alert",
        "duplicateRule": f"Standard_{schema.name}_Duplicate_Rule",
        "duplicateRuleEntityType": schema.name,
        "errorMessage": _MESSAGE,
        "matchResults": [
            {
                "entityType": schema.name,
                "errors": [],
                "matchEngine": "ExactMatchEngine",
                "matchRecords": [_match(schema, row, options) for row in matches],
                "rule": f"Standard_{schema.name}_Match_Rule_v1_1",
                "size": len(matches),
                "success": True,
            }
        ],
    }


def _match(schema: ObjectSchema, row: Row, options: DuplicateOptions) -> dict[str, Any]:
    url = f"/services/data/v{options.version:.1f}/sobjects/{schema.name}/{row['Id']}"
    record: dict[str, Any] = {"attributes": {"type": schema.name, "url": url}, "Id": row["Id"]}
    if options.details:
        record |= {name: row.get(name) for name in ("Name", "Email", "Phone")}
    return {
        "additionalInformation": [],
        "fieldDiffs": [],
        "matchConfidence": 100.0,
        "record": record,
    }
