"""From a mapping's data, a route's rows and options to a compiled mapping."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping as Dict
from typing import Any

import attrs

from crmwire.errors import ConfigurationError
from crmwire.expressions import Filter
from crmwire.mapping.compiled import Mapping
from crmwire.mapping_form import (
    MappingForm,
    checked_form,
    converter,
    parse_toml,
    plain_converter,
    structured,
)

ROLES = frozenset({"person", "company", "activity", "records"})


def with_rows(raw: Dict[str, Any], rows: Dict[str, Any]) -> dict[str, Any]:
    """A mapping's data with a route's own rows laid over it.

    `rows` has the form of `fields` in a route: `{"person": {"Contact": {"LeadSource": …}}}`,
    `{"activity": {"Subject": …}}`, `{"records": {"task": {…}}}`.
    Raises: ConfigurationError for a role that the mapping does not have.
    """
    made: dict[str, Any] = json.loads(json.dumps(raw))
    for role, added in rows.items():
        if role not in made or not isinstance(added, Dict):
            raise ConfigurationError(
                f"The route adds rows to {role!r}, which its mapping does not have.",
                remedy=f"It has {', '.join(sorted(set(made) & ROLES))}.",
            )
        if role == "records":
            for name, fields in added.items():
                made[role].setdefault(name, {}).setdefault("fields", {}).update(fields)
        elif role == "activity":
            made[role].setdefault("fields", {}).update(added)
        else:
            for type_, fields in added.items():
                made[role].setdefault("fields", {}).setdefault(type_, {}).update(fields)
    return made


def fingerprint(raw: Dict[str, Any]) -> str:
    """A short hash of a mapping's data, the same for the same data."""
    text = json.dumps(raw, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def load_mapping(
    raw: Dict[str, Any],
    *,
    where: str = "mapping",
    options: Dict[str, Any] | None = None,
    filters: Dict[str, Filter] | None = None,
    mapping_class: type[attrs.AttrsInstance] | None = None,
    html_fields: Dict[str, frozenset[str]] | None = None,
    source: str = "",
    team: str = "default",
    zone: str | None = None,
    phone_region: str | None = None,
) -> Mapping:
    """Compile a mapping. Raises: ConfigurationError with every problem and its path."""
    conv = converter(filters) if filters else plain_converter()
    form = checked_form(structured(conv, raw, MappingForm, where), where)
    problems: list[str] = []
    chosen = {name: option.default for name, option in form.options.items()}
    for name, value in (options or {}).items():
        try:
            chosen[name] = form.options[name].checked(name, value)
        except KeyError:
            known = ", ".join(form.options) or "none"
            problems.append(f"there is no option {name!r} (there are: {known}) @ {where}.options")
        except ValueError as error:
            problems.append(f"{error} @ {where}.options")
    if problems:
        raise ConfigurationError(f"The options of {where} do not fit:", problems=problems)
    crm = None
    if mapping_class is not None:
        crm = structured(conv, form.crm, mapping_class, f"{where}.crm")
    elif form.crm:
        raise ConfigurationError(f"{where} has a [crm] table, but this CRM takes none.")
    return Mapping(
        form=form,
        options=chosen,
        crm=crm,
        source=source,
        team=team,
        zone=zone,
        phone_region=phone_region,
        html_fields=html_fields or {},
    )


def load_preset(text: str, name: str) -> dict[str, Any]:
    """A preset's TOML as data. Raises: ConfigurationError."""
    return parse_toml(text, f"preset {name}")
