"""Associating records with each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmwire_hubspot.sandbox_app.kinds import KINDS, Kind
from crmwire_hubspot.sandbox_app.link_types import PRIMARY, plain_way, ways
from crmwire_hubspot.sandbox_app.refusals import Refusal, malformed

if TYPE_CHECKING:
    from crmwire_hubspot.sandbox_app.portal import End, Portal

Commit = Callable[[str, str, str, Mapping[str, Any]], None]
"""Notes a change: action, type, id, fields."""
Planned = tuple[Kind, str, list[int]]


def link(
    portal: Portal,
    kind: Kind,
    id_: str,
    to: Kind,
    to_id: str,
    type_ids: Sequence[int],
    commit: Commit,
) -> None:
    """Associate two records both ways; a new primary company replaces the old one."""
    between = ways(kind, to)
    one, other = (kind.name, id_), (to.name, to_id)
    for type_id in type_ids:
        if type_id in PRIMARY:
            _drop_primary(portal, one, other)
            # As v3 shows both: a primary association is an unlabelled one too.
            plain = plain_way(kind, to)
            portal.add_link(one, other, plain.id, plain.back)
        portal.add_link(one, other, type_id, between[type_id].back)
    commit("associate", kind.name, id_, {"to": f"{to.name}/{to_id}", "types": list(type_ids)})


def _drop_primary(portal: Portal, one: End, other: End) -> None:
    """Only one company is primary, seen from the contact or deal."""
    owner = other if one[0] == "companies" else one
    for company in [end for end in portal.links.get(owner, {}) if end[0] == "companies"]:
        if PRIMARY & set(portal.links[owner][company]):
            portal.remove_links(owner, company, PRIMARY)


def planned_links(portal: Portal, kind: Kind, associations: object) -> list[Planned]:
    """The associations of a create. Raises: Refusal.

    Guess: one to a record that is not there refuses the create, in the words of the batch route.
    """
    if associations in (None, []):
        return []
    if not isinstance(associations, list):
        raise malformed("`associations` must be a list")
    planned: list[Planned] = []
    for one in associations:
        try:
            to_id = str(one["to"]["id"])
            type_ids = [int(spec["associationTypeId"]) for spec in one["types"]]
        except (KeyError, TypeError, ValueError):
            raise malformed("an association has `to.id` and `types`") from None
        planned.append(_planned(portal, kind, to_id, type_ids))
    return planned


def _planned(portal: Portal, kind: Kind, to_id: str, type_ids: list[int]) -> Planned:
    for to in KINDS.values():
        between = ways(kind, to)
        if between and all(type_id in between for type_id in type_ids):
            record = portal.to_write(to, to_id)
            if record is None:
                raise Refusal(400, f"{to.upper}={to_id} is not valid")
            return to, record.id, type_ids
    # Guess: the wording.
    raise Refusal(400, f"Association types {type_ids} do not fit {kind.upper}")
