"""The one resource of the User Interface API that is used: what duplicate rules do.

"Duplicates Configuration" and "Duplicate Rule" in the User Interface API Developer Guide (read
2026-11). Guess: that a refused right is answered as elsewhere.
"""

from __future__ import annotations

from typing import Any

from crmwire_salesforce.sandbox_app.calls import Answer, Call, wrong_method
from crmwire_salesforce.sandbox_app.org import Org
from crmwire_salesforce.sandbox_app.problems import not_found

_FIELDS = {"Contact": ["Email"], "Lead": ["Email"]}


def answer_duplicates(org: Org, call: Call) -> Answer:
    """Answer `/ui-api/duplicates/X`. Raises: Refused."""
    if call.method != "GET":
        raise wrong_method(call, "GET")
    org.refuse("ui_api")
    schema = org.schema(call.path[2])
    if schema is None:
        raise not_found()
    ruled = schema.name in _FIELDS and org.duplicate_rule != "off"
    rules: list[dict[str, Any]] = []
    if ruled:
        action = "Block" if org.duplicate_rule == "block" else "Allow"
        operations = ["Alert", "Report"] if action == "Allow" else []
        rules.append(
            {
                "actionOnInsert": action,
                "actionOnUpdate": action,
                "active": True,
                "duplicateRuleFilters": [],
                "matchRules": [],
                "name": f"Standard {schema.name} Duplicate Rule",
                "operationsOnInsert": operations,
                "operationsOnUpdate": operations,
            }
        )
    return Answer(
        body={
            "apiName": schema.name,
            "dedupeEnabled": ruled,
            "dedupeFields": _FIELDS.get(schema.name, []) if ruled else [],
            "duplicateRules": rules,
            "predupeEnabled": ruled,
        }
    )
