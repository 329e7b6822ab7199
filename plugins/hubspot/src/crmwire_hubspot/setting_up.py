"""`set_up`: optional properties, made where the scopes allow and explained where they do not.

Offered are the properties that a mapping writes and the account lacks, and a unique domain for
companies: with it a company is found and made in one call, and never twice
(developers.hubspot.com/docs, "Properties", `hasUniqueValue`, read 2026-11). Properties of
meetings can be made by an administrator only: there is no scope for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from attrs import frozen

from crmwire.errors import Failure, NotAllowed
from crmwire.mapping import Mapping as FieldMapping
from crmwire.types import Json, SetupStep
from crmwire_hubspot import fields, paths
from crmwire_hubspot.bodies import read
from crmwire_hubspot.checking import rows_of
from crmwire_hubspot.errors import failure
from crmwire_hubspot.kinds import COMPANIES, COMPANY_KEY, linked_type
from crmwire_hubspot.scopes import granted, lost, remedy, schema_scope

if TYPE_CHECKING:
    from crmwire.connections import Connection

GROUP, GROUP_LABEL = "crmwire", "crmwire"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
THERE = "OBJECT_ALREADY_EXISTS"


@frozen(kw_only=True)
class Wanted:
    """A property that may be made."""

    type: str
    name: str
    label: str
    detail: str
    unique: bool = False

    @property
    def id(self) -> str:
        return f"{self.type}.{self.name}"

    def definition(self) -> dict[str, Json]:
        return {
            "name": self.name,
            "label": self.label,
            "groupName": GROUP,
            "type": "string",
            "fieldType": "text",
            "hasUniqueValue": self.unique,
        }


def set_up(conn: Connection, mapping: FieldMapping | None, steps: Sequence[str]) -> list[SetupStep]:
    """What could be made, with its state; the named steps are done first.

    Raises: a Failure other than a missing scope, which makes a step impossible.
    """
    wanted = list(_wanted(conn, mapping))
    held = granted(conn)
    refused = {
        one.id: name
        for one in wanted
        if held is not None and (name := schema_scope(one.type)) is not None and name not in held
    }
    for type_ in dict.fromkeys(one.type for one in wanted):
        chosen = [
            one
            for one in wanted
            if one.type == type_
            and one.id in steps
            and one.id not in refused
            and not _is_there(conn, one)
        ]
        name = schema_scope(type_)
        if not chosen or name is None:
            continue
        try:
            _make(conn, type_, chosen)
        except NotAllowed:
            refused |= dict.fromkeys((one.id for one in chosen), name)
        fields.warm_up(conn, type_)
    return [_step(conn, one, refused.get(one.id)) for one in wanted]


def _wanted(conn: Connection, mapping: FieldMapping | None) -> Iterable[Wanted]:
    rows = list(rows_of(mapping)) if mapping is not None else []
    if mapping is None or any(row.type == COMPANIES for row in rows):
        yield Wanted(
            type=COMPANIES,
            name=COMPANY_KEY,
            label="Domain (crmwire)",
            detail="A unique domain: map it and match by it, and a company is found and made in "
            "one call, never twice. HubSpot's own domain is not unique.",
            unique=True,
        )
    known: dict[str, set[str]] = {}
    for row in rows:
        if row.type not in known:
            # What an earlier run made stands in our group and is told as done.
            listed = fields.list_fields(conn, row.type)
            known[row.type] = {field.name for field in listed if field.group != GROUP}
        new = row.name not in known[row.type] and linked_type(row.name) is None
        if new and row.name != COMPANY_KEY and _NAME.fullmatch(row.name):
            known[row.type].add(row.name)
            yield Wanted(
                type=row.type,
                name=row.name,
                label=row.name.replace("_", " ").capitalize(),
                detail=f"The mapping writes it ({row.role}); HubSpot has none of its own.",
            )


def _is_there(conn: Connection, one: Wanted) -> bool:
    return any(field.name == one.name for field in fields.list_fields(conn, one.type))


def _step(conn: Connection, one: Wanted, refused: str | None) -> SetupStep:
    step = SetupStep(
        id=one.id,
        title=f"Make the property {one.name} of {one.type}",
        detail=one.detail,
        state="todo",
    )
    if _is_there(conn, one):
        return attrs.evolve(step, state="done")
    if schema_scope(one.type) is None:
        return attrs.evolve(
            step,
            state="impossible",
            remedy=f"HubSpot lets no app make properties of {one.type}: an administrator makes it "
            f"in Settings, Properties, with the internal name {one.name}.",
        )
    if refused is not None:
        return attrs.evolve(
            step,
            state="impossible",
            remedy=f"{remedy(refused)} Without it {lost(refused)}; an administrator can make "
            f"{one.name} in Settings, Properties.",
        )
    return step


def _make(conn: Connection, type_: str, wanted: Sequence[Wanted]) -> None:
    """Make the group and the properties; what is there already counts as made."""
    conn.http.post(
        paths.properties(conn, type_, "groups"),
        {"name": GROUP, "label": GROUP_LABEL, "displayOrder": -1},
        accept={409},
    )
    answer = conn.http.post(
        paths.properties(conn, type_, "batch/create"),
        {"inputs": [one.definition() for one in wanted]},
    )
    data: Any = answer.json()
    for item in data.get("errors") or ():
        error = read(item)
        if THERE not in error.codes:
            raise _named(failure(error, request_id=answer.request_id), wanted)


def _named(why: Failure, wanted: Sequence[Wanted]) -> Failure:
    why.fields = why.fields or tuple(one.name for one in wanted)
    return why
