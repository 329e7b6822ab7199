"""Drafts: the records that a mapping wants for an event, the subject as now known."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Dict
from typing import TYPE_CHECKING, Any

import attrs

from crmwire.mapping.actions import (
    AGAIN,
    ENDINGS,
    MAKING,
    Action,
    action_of,
    action_per_event,
    change_of,
)
from crmwire.mapping.fields import (
    escaped,
    policy_of,
    run,
    shown,
    text_of,
    texts_of,
    values,
    word,
)
from crmwire.mapping.variables import Variables, variables_of
from crmwire.types import Draft, RecordRef, WritePolicy

if TYPE_CHECKING:
    from crmwire.mapping.compiled import Mapping
    from crmwire.mapping_form import ActivityTable, RecordTable
    from crmwire.types import Event, Link, Subject

SEVERAL = ("hold", "newest", "oldest", "active", "skip")
COMPANY = ("always", "on_create", "never")
"""What a mapping may say to do if several records fit, and when a person gets a company."""


def drafts_of(mapping: Mapping, event: Event, subject: Subject) -> list[Draft]:
    """The records wanted for this event; none if nothing is to be done.

    `event.type` is what the event amounts to, the subject as now known.
    Raises: Rejected if an expression fails, naming the field.
    """
    variables = variables_of(mapping, event, subject)
    activities = {
        role: table
        for role, table in mapping.activities.items()
        if not _switched_off(table, mapping.options)
    }
    following: list[Draft] = []
    for role, table in activities.items():
        following += _following(mapping, role, table, event, subject, variables)
    verb = event.type.rpartition(".")[2]
    following += _changed(mapping, verb, subject, variables)
    making = any(draft.action == "write" for draft in following)
    again = any(link.version == AGAIN for link in subject.links)
    if not (making or ((again or not activities) and verb in MAKING)):
        return following
    found: list[Draft] = []
    for role, table_ in mapping.records.items():
        link = subject.link(role)
        if link is None or link.version == AGAIN:
            found += _found(mapping, role, table_, subject, variables)
    wanted = [*found, *following]
    there = {draft.role for draft in wanted} | {link.role for link in subject.links}
    return [_among(draft, there) for draft in wanted]


def _switched_off(table: ActivityTable, options: Dict[str, object]) -> bool:
    """Whether the options alone say that there is no such activity for any event.

    Then the person is all that an event is written to, as in a mapping without activities.
    """
    when = table.when
    if when is None or not when.paths:
        return False
    if any(path.partition(".")[0] != "options" for path in when.paths):
        return False
    return not run("activity", "when", when, {"options": options})


def _among(draft: Draft, roles: set[str]) -> Draft:
    """The draft with references to these roles only: the options may switch a record off."""
    fields = {
        type_: tuple(
            row for row in rows if not isinstance(row.value, RecordRef) or row.value.role in roles
        )
        for type_, rows in draft.fields.items()
    }
    return attrs.evolve(draft, fields=fields)


def _changed(
    mapping: Mapping, verb: str, subject: Subject, variables: Variables
) -> Iterator[Draft]:
    """What an event changes of the person or company that is linked."""
    for role, table in mapping.records.items():
        link, change = subject.link(role), table.on.get(verb)
        if change is None or link is None or not AGAIN < link.version < subject.version:
            continue
        rows = values(role, change.fields, variables, WritePolicy.ALWAYS)
        yield Draft(
            id=f"{role}/",
            role=role,
            types=(link.type,),
            create_type=None,
            fields={link.type: escaped(link.type, rows, mapping.html_fields)},
            link=link,
            action="update",
            drop=table.drop,
        )


def _found(
    mapping: Mapping, role: str, table: RecordTable, subject: Subject, variables: Variables
) -> Iterator[Draft]:
    everyone = [("", variables)]
    if table.each == "guests":
        guests: Any = variables["guests"]
        everyone += [
            (str(guest.get("email") or number), {**variables, "guest": guest})
            for number, guest in enumerate(guests, start=2)
        ]
    for item, seen in everyone:
        look_in = texts_of(role, "look_in", table.look_in.value, seen)
        create = text_of(role, "create", table.create.value, seen)
        default = policy_of(role, "write", table.write.value, seen)
        types = (*look_in, create) if create and create not in look_in else look_in
        if not types:
            continue  # the options switch this record off
        yield Draft(
            id=f"{role}/{item}",
            role=role,
            item=item,
            types=look_in,
            create_type=create,
            match=table.match,
            record=text_of(role, "record", table.record, seen),
            fields={
                type_: escaped(
                    type_,
                    values(role, table.fields.get(type_, {}), seen, default),
                    mapping.html_fields,
                )
                for type_ in types
            },
            link=subject.link(role, item),
            update=bool(run(role, "update", table.update.value, seen)),
            if_none=word(role, "if_none", table.if_none.value, seen, ("skip", "hold")),
            several=word(role, "several", table.several.value, seen, SEVERAL),
            company=word(role, "company", table.company.value, seen, COMPANY),
            create_without_key=table.create_without_key,
            about=("company",) if role == "person" and mapping.form.company else (),
            drop=table.drop,
        )


def _following(
    mapping: Mapping,
    role: str,
    table: ActivityTable,
    event: Event,
    subject: Subject,
    variables: Variables,
) -> Iterator[Draft]:
    verb = event.type.rpartition(".")[2]
    if table.when is not None and not run(role, "when", table.when, variables):
        return
    if table.per == "event":
        item = event.item or f"{verb}@{event.order}"
        link = subject.link(role, item)
        action = action_per_event(table, verb, subject, link)
        if action is not None:
            yield _activity(mapping, role, item, table, verb, variables, link, action)
        return
    action = action_of(table, verb, subject, subject.link(role))
    if action is not None:
        yield _activity(mapping, role, "", table, verb, variables, subject.link(role), action)
    for link in subject.links:
        if link.role == role and link.retired:
            action = action_of(table, "cancelled", subject, link) or "delete"
            yield _activity(mapping, role, link.item, table, "cancelled", variables, link, action)


def _activity(
    mapping: Mapping,
    role: str,
    item: str,
    table: ActivityTable,
    verb: str,
    variables: Variables,
    link: Link | None,
    action: Action,
) -> Draft:
    default = policy_of(role, "write", table.write.value, variables)
    rows = values(role, table.fields, variables, default)
    fields = {field.name: field for field in rows}
    change = change_of(table, verb)
    if change is not None and (action == "update" or table.per == "event"):
        seen = {**variables, "draft": {name: shown(fields[name]) for name in fields}}
        rows = values(role, change.fields, seen, default)
        changed = {field.name: field for field in rows}
        send = change.send or ("listed" if verb in ENDINGS else "all")
        listed = send == "listed" and action == "update"
        fields = changed if listed else fields | changed
    return Draft(
        id=f"{role}/{item}",
        role=role,
        item=item,
        types=(table.object,),
        create_type=table.object,
        match=table.match,
        fields={table.object: escaped(table.object, fields.values(), mapping.html_fields)},
        link=link,
        about=table.about,
        action=action,
        drop=table.drop,
        mark=table.mark,
        per_event=table.per == "event",
    )
