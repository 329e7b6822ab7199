"""`map_event`: core's drafts of an event, as HubSpot's records can be wanted.

A table that an option switches off wants nothing. A company is told by its name or its domain:
HubSpot makes none without (developers.hubspot.com/docs, "Companies", read 2026-11), so an event
that tells neither wants no company. A domain may come out of an address or a link; what is no
company's domain, such as a free mail provider's, is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from crmwire.dedup import keys_of
from crmwire.filters import FILTERS
from crmwire.mapping import Mapping
from crmwire.types import Draft, DraftField, Event, Key, Subject
from crmwire_hubspot.kinds import COMPANIES, COMPANY_KEY
from crmwire_hubspot.searching import search_key

_company_domain = FILTERS["company_domain"]
_TELLING = frozenset(["name", "domain"])


def map_event(event: Event, subject: Subject, mapping: Mapping) -> list[Draft]:
    """The drafts of an event. Raises: Rejected if an expression fails."""
    drafts = (_with_bare_domain(draft) for draft in mapping.drafts(event, subject))
    return [draft for draft in drafts if _wanted(draft)]


def match_keys(draft: Draft) -> list[Key]:
    """The keys of a draft; those of companies as HubSpot compares them, whatever their case."""
    return [
        attrs.evolve(key, value=search_key(key.name, key.value))
        if key.types == (COMPANIES,) and key.name in _TELLING
        else key
        for key in keys_of(draft)
    ]


def _wanted(draft: Draft) -> bool:
    if not draft.types and draft.create_type is None:
        return False
    if draft.role != "company" or draft.action != "write" or draft.link is not None:
        return True
    given = {field.name for fields in draft.fields.values() for field in fields}
    return bool(given & _TELLING or keys_of(draft))


def _with_bare_domain(draft: Draft) -> Draft:
    if COMPANIES not in draft.fields:
        return draft
    bare = tuple(_bare(draft.fields[COMPANIES]))
    return attrs.evolve(draft, fields={**draft.fields, COMPANIES: bare})


def _bare(fields: tuple[DraftField, ...]) -> Iterator[DraftField]:
    for field in fields:
        if field.name not in ("domain", COMPANY_KEY) or not isinstance(field.value, str):
            yield field
            continue
        domain = _company_domain(field.value)
        if isinstance(domain, str) and domain:
            yield attrs.evolve(field, value=domain)
