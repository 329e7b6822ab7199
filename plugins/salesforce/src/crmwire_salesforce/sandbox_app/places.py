"""State and country picklists: an org may hold addresses to lists of both.

Salesforce Help, "State and Country/Territory Picklists" (read 2026-11). The lists here are short.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmwire_salesforce.sandbox_app.fields import pick
from crmwire_salesforce.sandbox_app.org import Org, Row
from crmwire_salesforce.sandbox_app.problems import Refused
from crmwire_salesforce.sandbox_app.schema import ObjectSchema

COUNTRIES: Mapping[str, str] = {
    "DE": "Germany",
    "GB": "United Kingdom",
    "JP": "Japan",
    "US": "United States",
}
STATES: Mapping[tuple[str, str], str] = {
    ("US", "CA"): "California",
    ("US", "CO"): "Colorado",
    ("US", "NY"): "New York",
    ("JP", "13"): "Tokyo",
    ("JP", "27"): "Osaka",
}
_PREFIXES: Mapping[str, str] = {"contact": "Mailing", "lead": "", "account": "Billing"}


def switch_on(org: Org) -> None:
    """Give addresses the fields for codes; from now on they are held to the lists."""
    for name, prefix in _PREFIXES.items():
        start = f"{prefix} " if prefix else ""
        schema = org.schemas[name]
        for part, label, codes in (
            ("Country", "Country Code", tuple(COUNTRIES)),
            ("State", "State/Province Code", tuple(code for _, code in STATES)),
        ):
            field = pick(f"{prefix}{part}Code", f"{start}{label}", *codes, length=10)
            schema = schema.with_field(field)
        org.schemas[name] = schema
    org.state_picklists = True


def complete_address(org: Org, schema: ObjectSchema, row: Row, sent: Mapping[str, Any]) -> None:
    """Fill in what follows of an address: the name of a code, the code of a name.

    Raises: Refused. Guess: the wording but for a missing country.
    """
    prefix = _PREFIXES.get(schema.name.lower())
    if not org.state_picklists or prefix is None:
        return
    country, state = f"{prefix}Country", f"{prefix}State"
    code = _code(row, sent, country, COUNTRIES)
    row[f"{country}Code"], row[country] = code, COUNTRIES.get(code or "")
    if not (row.get(state) or row.get(f"{state}Code")):
        return
    if code is None:
        raise Refused(
            "FIELD_INTEGRITY_EXCEPTION",
            "A country/territory must be specified before specifying a state value for field: "
            "State/Province",
            fields=[state],
        )
    known = {one: name for (owner, one), name in STATES.items() if owner == code}
    found = _code(row, sent, state, known)
    row[f"{state}Code"], row[state] = found, known.get(found or "")


def _code(row: Row, sent: Mapping[str, Any], name: str, known: Mapping[str, str]) -> str | None:
    """The code of what the row says. What was sent counts more than what stood there."""
    code, text = row.get(f"{name}Code"), str(row.get(name) or "")
    if name in sent and f"{name}Code" not in sent:
        code = None
    if not code and not text:
        return None
    if not code:
        code = next((one for one, label in known.items() if label.lower() == text.lower()), None)
    if code not in known:
        raise Refused(
            "FIELD_INTEGRITY_EXCEPTION",
            f"There's a problem with this {name}, even though it may appear correct. Please "
            "select one from the list of valid ones.",
            fields=[name],
        )
    return str(code)
