"""A mapping at work: drafts from an event, the subject as known, and a route's choices."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Dict
from functools import cached_property
from html import escape
from typing import Any, Literal

import attrs
from attrs import frozen

from crmwire.errors import ConfigurationError, Rejected
from crmwire.expressions import Expression, ExpressionError, Filter, plain
from crmwire.filters import phone
from crmwire.mapping_form import (
    ActivityTable,
    Change,
    Fields,
    MappingForm,
    RecordTable,
    checked_form,
    converter,
    parse_toml,
    structured,
)
from crmwire.names import family_name, full_name, given_name
from crmwire.types import (
    Draft,
    DraftField,
    DraftValue,
    Event,
    Link,
    RecordRef,
    Subject,
    UserRef,
    WritePolicy,
)

CREATING = frozenset({"created", "rescheduled", "updated", "reassigned", "requested"})
"""Bookings' events that make a record where there is none."""
TICKET_CREATING = frozenset({"message_received", "message_sent", "note_added"})
MAKING = CREATING | TICKET_CREATING
ENDINGS = ("cancelled", "rejected")
ROLES = frozenset({"person", "company", "activity", "records"})
AGAIN = -1
"""The version of a link whose record is to be written once more, since a person asked for it."""
Variables = Dict[str, object]
Action = Literal["write", "update", "delete"]


@frozen(kw_only=True, eq=False)
class Mapping:
    """A compiled mapping with a route's options, ready to make drafts."""

    form: MappingForm
    options: Dict[str, Any] = attrs.field(factory=dict)
    crm: attrs.AttrsInstance | None = None
    source: str = ""
    team: str = "default"
    zone: str | None = None
    phone_region: str | None = None
    html_fields: Dict[str, frozenset[str]] = attrs.field(factory=dict)

    @property
    def person(self) -> RecordTable | None:
        return self.form.person

    @property
    def activity(self) -> ActivityTable | None:
        return self.form.activity

    @cached_property
    def activities(self) -> Dict[str, ActivityTable]:
        """The tables of records that follow the subject, by role."""
        tables = {f"records.{name}": table for name, table in self.form.records.items()}
        return {"activity": self.form.activity, **tables} if self.form.activity else tables

    @cached_property
    def records(self) -> Dict[str, RecordTable]:
        """The tables of records that are found or created, by role, companies first."""
        pairs = (("company", self.form.company), ("person", self.form.person))
        return {role: table for role, table in pairs if table is not None}

    def reason_to_skip(self, event: Event, subject: Subject) -> str | None:
        """Why this mapping does not take the event, or None if it does."""
        if self.form.events is not None and event.type not in self.form.events:
            return f"the mapping does not take {event.type}"
        if self.form.when is not None and not self.form.when(self.variables(event, subject)):
            return "the mapping's `when` is not met"
        return None

    # ------------------------------------------------------------ variables

    def variables(self, event: Event, subject: Subject) -> dict[str, object]:
        """What expressions see: plain values, names split, phones in E.164 where they parse."""
        details = subject.details
        variables = plain(details)
        assert isinstance(variables, dict)
        for name in ("booking", "page", "ticket", "message", "payment"):
            variables[name] = variables.get(name) or _blank(name)
        people = [variables.get("guest"), variables.get("customer"), *variables["guests"]]
        for person in [*people, *variables["hosts"]]:
            if person:
                self._complete(person)
        blank = _blank("guest")
        variables["guest"] = variables.get("guest") or blank
        variables["customer"] = variables.get("customer") or blank
        variables["host"] = variables["hosts"][0] if variables["hosts"] else blank
        zones = [self.zone, variables["host"].get("timezone"), variables["guest"].get("timezone")]
        if details.booking is not None:
            zones.append(details.booking.timezone)
        variables |= {
            "event": {"type": event.type, "verb": event.type.rpartition(".")[2]},
            "source": {"title": self.source},
            "team": self.team,
            "options": dict(self.options),
            "zones": [zone for zone in zones if zone],
            "phone_region": self.phone_region,
            "draft": {},
        }
        return variables

    def _complete(self, person: dict[str, Any]) -> None:
        full = person.get("full_name") or full_name(
            person.get("given_name"), person.get("family_name")
        )
        person["full_name"] = full
        if full and not (person.get("given_name") and person.get("family_name")):
            # One name alone is the family name: CRMs ask for that one.
            person["given_name"], person["family_name"] = given_name(full), family_name(full)
        person["phone_raw"] = person.get("phone")
        if person.get("phone"):
            person["phone"] = phone(person["phone"], self.phone_region) or person["phone"]

    # ------------------------------------------------------------ drafts

    def drafts(self, event: Event, subject: Subject) -> list[Draft]:
        """The records wanted for this event; none if nothing is to be done.

        `event.type` is what the event amounts to, the subject as now known.
        Raises: Rejected if an expression fails, naming the field.
        """
        variables = self.variables(event, subject)
        following: list[Draft] = []
        for role, table in self.activities.items():
            following += self._following(role, table, event, subject, variables)
        verb = event.type.rpartition(".")[2]
        following += self._changed(verb, subject, variables)
        making = any(draft.action == "write" for draft in following)
        again = any(link.version == AGAIN for link in subject.links)
        if not (making or ((again or not self.activities) and verb in MAKING)):
            return following
        found: list[Draft] = []
        for role, table_ in self.records.items():
            link = subject.link(role)
            if link is None or link.version == AGAIN:
                found += self._found(role, table_, subject, variables)
        return [*found, *following]

    def _changed(self, verb: str, subject: Subject, variables: Variables) -> Iterator[Draft]:
        """What an event changes of the person or company that is linked."""
        for role, table in self.records.items():
            link, change = subject.link(role), table.on.get(verb)
            if change is None or link is None or not AGAIN < link.version < subject.version:
                continue
            rows = self._values(role, link.type, change.fields, variables, WritePolicy.ALWAYS)
            yield Draft(
                id=f"{role}/",
                role=role,
                types=(link.type,),
                create_type=None,
                fields={link.type: self._escaped(link.type, rows)},
                link=link,
                action="update",
                drop=table.drop,
            )

    def _found(
        self, role: str, table: RecordTable, subject: Subject, variables: Variables
    ) -> Iterator[Draft]:
        everyone = [("", variables)]
        if table.each == "guests":
            guests: Any = variables["guests"]
            everyone += [
                (str(guest.get("email") or number), {**variables, "guest": guest})
                for number, guest in enumerate(guests, start=2)
            ]
        for item, seen in everyone:
            look_in = _texts(_run(role, "look_in", table.look_in.value, seen))
            create = _run(role, "create", table.create.value, seen) or None
            default = WritePolicy(_run(role, "write", table.write.value, seen))
            types = (*look_in, create) if create and create not in look_in else look_in
            yield Draft(
                id=f"{role}/{item}",
                role=role,
                item=item,
                types=look_in,
                create_type=create,
                match=table.match,
                record=_run(role, "record", table.record, seen) or None,
                fields={
                    type_: self._escaped(
                        type_, self._values(role, type_, table.fields.get(type_, {}), seen, default)
                    )
                    for type_ in types
                },
                link=subject.link(role, item),
                update=bool(_run(role, "update", table.update.value, seen)),
                if_none=_run(role, "if_none", table.if_none.value, seen),
                several=_run(role, "several", table.several.value, seen),
                company=_run(role, "company", table.company.value, seen),
                create_without_key=table.create_without_key,
                about=("company",) if role == "person" and self.form.company else (),
                drop=table.drop,
            )

    def _following(
        self,
        role: str,
        table: ActivityTable,
        event: Event,
        subject: Subject,
        variables: Variables,
    ) -> Iterator[Draft]:
        verb = event.type.rpartition(".")[2]
        if table.when is not None and not _run(role, "when", table.when, variables):
            return
        if table.per == "event":
            item = event.item or f"{verb}@{event.order}"
            link = subject.link(role, item)
            action = _action_per_event(table, verb, subject, link)
            if action is not None:
                yield self._activity(role, item, table, verb, variables, link, action)
            return
        action = _action(table, verb, subject, subject.link(role))
        if action is not None:
            yield self._activity(role, "", table, verb, variables, subject.link(role), action)
        for link in subject.links:
            if link.role == role and link.retired:
                action = _action(table, "cancelled", subject, link) or "delete"
                yield self._activity(role, link.item, table, "cancelled", variables, link, action)

    def _activity(
        self,
        role: str,
        item: str,
        table: ActivityTable,
        verb: str,
        variables: Variables,
        link: Link | None,
        action: Action,
    ) -> Draft:
        default = WritePolicy(_run(role, "write", table.write.value, variables))
        rows = self._values(role, table.object, table.fields, variables, default)
        fields = {field.name: field for field in rows}
        change = _change(table, verb)
        if change is not None and (action == "update" or table.per == "event"):
            seen = {**variables, "draft": {name: _shown(fields[name]) for name in fields}}
            rows = self._values(role, table.object, change.fields, seen, default)
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
            fields={table.object: self._escaped(table.object, fields.values())},
            link=link,
            about=table.about,
            action=action,
            drop=table.drop,
            mark=table.mark,
            per_event=table.per == "event",
        )

    def _escaped(self, type_: str, fields: Iterable[DraftField]) -> tuple[DraftField, ...]:
        """The fields, with texts made safe where the CRM takes HTML."""
        html = self.html_fields.get(type_, frozenset())
        return tuple(
            attrs.evolve(field, value=escape(field.value).replace("\n", "<br>"))
            if field.name in html and isinstance(field.value, str)
            else field
            for field in fields
        )

    def _values(
        self, role: str, type_: str, rows: Fields, variables: Variables, default: WritePolicy
    ) -> Iterator[DraftField]:
        for name, row in rows.items():
            where = f"{role}.{name}"
            policy = default if row.user is None else WritePolicy.ON_CREATE
            if row.write is not None:
                policy = WritePolicy(_run(role, name, row.write.value, variables))
            value: DraftValue
            if row.record is not None:
                value = RecordRef(role=row.record)
            elif row.user is not None:
                email = _run(role, name, row.user, variables)
                if not email:
                    continue
                value = UserRef(email=str(email).strip().lower())
            else:
                value = _run(role, name, row.value, variables)
                if isinstance(value, str):
                    value = value.strip()
                if value is None or value == "" or value == []:
                    continue
                _storable(value, where)
            yield DraftField(name=name, value=value, write=policy, cut=row.cut)


def _change(table: ActivityTable, verb: str) -> Change | None:
    """What the table says of this event; a rejected booking is a cancelled one, if not said."""
    return table.on.get(verb) or (table.on.get("cancelled") if verb == "rejected" else None)


def _action_per_event(
    table: ActivityTable, verb: str, subject: Subject, link: Link | None
) -> Action | None:
    """What becomes of the one record of this event."""
    if link is not None:
        return "update" if link.version == AGAIN else None
    gone = subject.status in ENDINGS
    change = _change(table, verb)
    if change is None:
        return "write" if verb in MAKING and not gone else None
    if change.do not in ("add", "update") or (gone and not subject.links):
        return None
    return "write"


def _action(table: ActivityTable, verb: str, subject: Subject, link: Link | None) -> Action | None:
    """What becomes of the one record of this subject: write (make it), update or delete it."""
    change = _change(table, verb)
    if link is None:
        gone = subject.status in ENDINGS
        return "write" if verb in CREATING and not gone else None
    if link.version >= subject.version and not link.retired:
        return None
    if change is None:
        return "update" if verb in CREATING else None
    changes: dict[str, Action] = {"update": "update", "delete": "delete"}
    return changes.get(change.do)


def _run(role: str, name: str, value: object, variables: Variables) -> Any:
    if not isinstance(value, Expression):
        return value
    try:
        return value(variables)
    except ExpressionError as error:
        raise Rejected(
            f"The expression of {role}.{name} failed: {error.message}",
            remedy="Mend the mapping (`crmwire route show`), then retry.",
            fields=(name,),
        ) from error


def _storable(value: object, where: str) -> None:
    if isinstance(value, Dict):
        raise Rejected(f"{where} is a group of values, not one value.", fields=(where,))


def _shown(field: DraftField) -> object:
    return None if isinstance(field.value, UserRef | RecordRef) else field.value


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(value) if isinstance(value, Sequence) else ()


_BLANKS = {
    "booking": "title start end previous_start previous_end timezone notes location join_url "
    "reason by url",
    "page": "id title",
    "ticket": "title status url inbox",
    "message": "id channel direction subject text html sent_at",
    "payment": "amount currency status",
    "guest": "email full_name given_name family_name given_kana family_kana phone phone_raw "
    "company title locale timezone id",
}


def _blank(name: str) -> dict[str, None]:
    return dict.fromkeys(_BLANKS[name].split())


# ---------------------------------------------------------------- loading


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
    conv = converter(filters)
    form = checked_form(structured(conv, raw, MappingForm, where), where)
    problems: list[str] = []
    chosen = {name: option.default for name, option in form.options.items()}
    for name, value in (options or {}).items():
        try:
            chosen[name] = form.options[name].checked(name, value)
        except KeyError:
            problems.append(f"there is no option {name!r} @ {where}.options")
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
