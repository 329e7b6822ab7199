"""Changing records: uniqueness, what joins and what is replaced, both sides of relationships.

docs.attio.com/rest-api/endpoint-reference, records (read 2026-11); the rules for addresses were
measured on the live service in 2026-09.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from attrs import frozen

from crmwire_attio.sandbox_app.answers import Refusal, conflict, not_found_value, stamp
from crmwire_attio.sandbox_app.values import Parts, identity, parsed
from crmwire_attio.sandbox_app.workspace import Actor, Attribute, Element, Object, Record, Workspace

Mode = Literal["append", "overwrite", "assert"]
Commit = Callable[[str, str, str, Mapping[str, Any]], None]
Given = dict[str, list[Parts]]


@frozen(kw_only=True)
class Writer:
    """Someone who changes a workspace, now."""

    workspace: Workspace
    actor: Actor
    now: datetime
    commit: Commit

    # ------------------------------------------------------------ what may be done

    def create(self, object_: Object, given: Mapping[str, Any]) -> Record:
        values = self.read(object_, given)
        for attribute in object_.attributes.values():
            if attribute.required and not values.get(attribute.slug):
                raise Refusal(
                    400,
                    "missing_value",
                    f'Required value for attribute with ID "{attribute.id}" was not provided.',
                )
        self.refuse_conflicts(object_, None, values)
        return self.insert(object_, values)

    def insert(
        self, object_: Object, values: Given, parent: tuple[str, str] | None = None
    ) -> Record:
        """Create without asking whether unique values are free. An entry has a parent."""
        record = Record(created_at=stamp(self.now), parent=parent)
        record.values = {slug: [] for slug in object_.attributes}
        actor = {
            "referenced_actor_type": self.actor["type"],
            "referenced_actor_id": self.actor["id"],
        }
        own: dict[str, Parts] = {
            "record_id": {"value": record.id},
            "entry_id": {"value": record.id},
            "created_at": {"value": record.created_at},
            "created_by": actor,
        }
        for slug, parts in own.items():
            if slug in object_.attributes:
                record.values[slug] = [self._element(object_.attributes[slug], parts)]
        object_.records[record.id] = record
        self._store(object_, record, values, "overwrite")
        self.commit("create", object_.slug, record.id, plain(object_, record, values))
        return record

    def put(self, object_: Object, matching: Attribute, given: Mapping[str, Any]) -> Record:
        """Assert: update the one record that has the matching attribute's value, or create."""
        values = self.read(object_, given)
        if not values.get(matching.slug):
            # Guess: the code; the documentation says that the value must be there.
            raise Refusal(
                400,
                "missing_value",
                f'Required value for attribute with ID "{matching.id}" was not provided.',
            )
        several = [
            object_.holders.get((matching.slug, identity(matching, parts)), set())
            for parts in values[matching.slug]
        ]
        if any(len(ids) > 1 for ids in several):
            raise Refusal(
                400,
                "multiple_match_results",
                # Guess: the message for records; that for list entries is known.
                "Multiple records were found for the given matching attribute.",
            )
        # Guess: which value matches if they are of several records; the others then conflict.
        found = next((next(iter(ids)) for ids in several if ids), None)
        if found is None:
            return self.create(object_, given)
        return self._change(object_, object_.records[found], values, "assert", matching)

    def update(
        self, object_: Object, record: Record, given: Mapping[str, Any], mode: Mode
    ) -> Record:
        return self._change(object_, record, self.read(object_, given), mode, None)

    def delete(self, object_: Object, record: Record) -> None:
        # Guess: the notes and the entries of a record go with it.
        for list_ in self.workspace.lists.values():
            for entry in [one for one in list_.records.values() if one.parent]:
                if entry.parent == (object_.slug, record.id):
                    del list_.records[entry.id]
                    self.commit("delete", list_.slug, entry.id, {})
        for note in list(self.workspace.notes_on(object_.slug, record.id)):
            del self.workspace.notes[note.id]
            self.commit("delete", "notes", note.id, {})
        self._store(object_, record, {slug: [] for slug in object_.attributes}, "overwrite")
        del object_.records[record.id]
        self.commit("delete", object_.slug, record.id, {})

    def point(self, object_: Object, record: Record, slug: str, target: Record) -> None:
        """Set a reference, with the other side of its relationship."""
        attribute = object_.attributes[slug]
        values = {slug: [{"target_object": attribute.targets[0], "target_record_id": target.id}]}
        self._store(object_, record, values, "append")
        self.commit("associate", object_.slug, record.id, {slug: target.id})

    # ------------------------------------------------------------ how it is done

    def read(self, object_: Object, given: Mapping[str, Any]) -> Given:
        """The body's values by slug. Raises: Refusal."""
        values: Given = {}
        for name, value in given.items():
            try:
                attribute = object_.attribute(name)
            except Refusal:
                # Guess: the message.
                raise not_found_value(f'Cannot find attribute with slug/ID "{name}".') from None
            values[attribute.slug] = parsed(self.workspace, attribute, value)
        return values

    def refuse_conflicts(self, object_: Object, record: Record | None, values: Given) -> None:
        own = {record.id} if record else set[str]()
        for slug, several in values.items():
            attribute = object_.attributes[slug]
            for parts in several if attribute.unique else ():
                if object_.holders.get((slug, identity(attribute, parts)), set()) - own:
                    raise conflict(slug)

    def _change(
        self,
        object_: Object,
        record: Record,
        values: Given,
        mode: Mode,
        matching: Attribute | None,
    ) -> Record:
        self.refuse_conflicts(object_, record, values)
        before = {slug: list(record.values[slug]) for slug in values}
        self._store(object_, record, values, mode, matching)
        changed: Given = {
            slug: several for slug, several in values.items() if record.values[slug] != before[slug]
        }
        # A write that changes nothing is no change: equal values keep their active_from
        # (recorded 2026-05).
        if changed:
            self.commit("update", object_.slug, record.id, plain(object_, record, changed))
        return record

    def _store(
        self,
        object_: Object,
        record: Record,
        values: Given,
        mode: Mode,
        matching: Attribute | None = None,
    ) -> None:
        for slug, several in values.items():
            attribute = object_.attributes[slug]
            old = record.values[slug]
            joins = mode == "append" or attribute is matching
            record.values[slug] = self._merged(attribute, old, several, joins=joins)
            if attribute.unique:
                _index(object_, record, attribute, old)
            if attribute.relation:
                self._mirror(attribute, object_, record, old)

    def _merged(
        self, attribute: Attribute, old: list[Element], several: list[Parts], *, joins: bool
    ) -> list[Element]:
        there = {identity(attribute, element): element for element in old}
        wanted = [identity(attribute, parts) for parts in several]
        new = [
            there.get(name) or self._element(attribute, parts)
            for name, parts in zip(wanted, several, strict=True)
        ]
        if not attribute.multi or not joins:
            # Guess: an empty list empties a single value under PATCH too.
            return new
        # New values go in front; those that are there are neither moved nor repeated.
        return [
            element for element, name in zip(new, wanted, strict=True) if name not in there
        ] + old

    def _element(self, attribute: Attribute, parts: Parts) -> Element:
        return {
            "active_from": stamp(self.now),
            "active_until": None,
            "created_by_actor": self.actor,
            **parts,
            "attribute_type": attribute.type,
        }

    def _mirror(
        self, attribute: Attribute, object_: Object, record: Record, old: list[Element]
    ) -> None:
        """Keep the other side of a relationship in step."""
        assert attribute.relation is not None
        other = self.workspace.object(attribute.relation[0])
        back = other.attributes[attribute.relation[1]]
        now = [element["target_record_id"] for element in record.values[attribute.slug]]
        for element in old:
            target = other.records.get(element["target_record_id"])
            if target is not None and target.id not in now:
                target.values[back.slug] = _without(target.values[back.slug], record.id)
        for id_ in now:
            target = other.records[id_]
            there = target.values[back.slug]
            if any(element["target_record_id"] == record.id for element in there):
                continue
            parts = {"target_object": object_.slug, "target_record_id": record.id}
            if not back.multi:
                for element in there:
                    left = object_.records[element["target_record_id"]]
                    left.values[attribute.slug] = _without(left.values[attribute.slug], id_)
                there = []
            target.values[back.slug] = [self._element(back, parts), *there]


def _without(elements: list[Element], id_: str) -> list[Element]:
    return [element for element in elements if element["target_record_id"] != id_]


def _index(object_: Object, record: Record, attribute: Attribute, old: list[Element]) -> None:
    for element in old:
        object_.holders.get((attribute.slug, identity(attribute, element)), set()).discard(
            record.id
        )
    for element in record.values[attribute.slug]:
        key = (attribute.slug, identity(attribute, element))
        object_.holders.setdefault(key, set()).add(record.id)


def plain(object_: Object, record: Record, slugs: Mapping[str, Any]) -> dict[str, Any]:
    """The values of these attributes as a person would read them."""
    told: dict[str, Any] = {}
    for slug in slugs:
        attribute = object_.attributes[slug]
        shown = [shown_value(attribute, element) for element in record.values[slug]]
        told[slug] = shown if attribute.multi else next(iter(shown), None)
    return told


def shown_value(attribute: Attribute, element: Element) -> Any:
    match attribute.type:
        case "personal-name":
            return element["full_name"]
        case "email-address" | "domain" | "phone-number" | "select" | "status" | "record-reference":
            return identity(attribute, element)
        case "currency":
            return f"{element['currency_value']} {element['currency_code']}"
        case "actor-reference":
            return element["referenced_actor_id"]
        case "location":
            return ", ".join(str(element[key]) for key in ("line_1", "locality") if element[key])
    return element.get("value")
