"""What stands in one workspace of the sandbox."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal

import attrs
from attrs import define, frozen

from crmwire.sandbox import Account
from crmwire_attio.sandbox_app.answers import no_attribute, no_list, no_object, no_record, stamp

Element = dict[str, Any]
"""One value of an attribute, as a read gives it."""
Actor = dict[str, str | None]

SYSTEM: Actor = {"type": "system", "id": None}


def new_id() -> str:
    return str(uuid.uuid4())


@define(kw_only=True)
class Option:
    """A choice of a select or status attribute."""

    id: str = attrs.field(factory=new_id)
    title: str
    archived: bool = False


@define(kw_only=True)
class Attribute:
    """One attribute of an object. `relation` is the attribute on the other side of a pair.

    `targets` are the slugs of the objects that a record reference may point to, or none for any.
    """

    slug: str
    title: str
    type: str
    id: str = attrs.field(factory=new_id)
    description: str | None = None
    system: bool = True
    writable: bool = True
    required: bool = False
    unique: bool = False
    multi: bool = False
    currency: str | None = None
    targets: tuple[str, ...] = ()
    relation: tuple[str, str] | None = None
    options: list[Option] = attrs.field(factory=list)
    created_at: str = ""
    archived: bool = False


@define(kw_only=True, eq=False)
class Record:
    """One record, or one entry of a list: the elements of each attribute, by slug.

    `parent` is the object and the id of the record that an entry is of.
    """

    id: str = attrs.field(factory=new_id)
    created_at: str
    values: dict[str, list[Element]] = attrs.field(factory=dict)
    parent: tuple[str, str] | None = None


@define(kw_only=True, eq=False)
class Object:
    """One kind of record. `holders` are the ids of the records with a unique value."""

    slug: str
    singular: str
    plural: str
    id: str
    created_at: str
    attributes: dict[str, Attribute] = attrs.field(factory=dict)
    records: dict[str, Record] = attrs.field(factory=dict)
    holders: dict[tuple[str, str], set[str]] = attrs.field(factory=dict)
    custom: bool = False

    def attribute(self, name: str) -> Attribute:
        """By slug or id. Raises: Refusal."""
        found = self.attributes.get(name)
        if found is None:
            found = next((one for one in self.attributes.values() if one.id == name), None)
        if found is None:
            raise no_attribute(name)
        return found

    def record(self, id_: str) -> Record:
        if id_ not in self.records:
            raise no_record(id_)
        return self.records[id_]


@define(kw_only=True, eq=False)
class EntryList(Object):
    """A list: its records are the entries, each of a parent record."""

    parent_object: str
    workspace_access: str | None
    member_access: list[dict[str, Any]]
    created_by: Actor


@define(kw_only=True)
class Member:
    """A person who works in the workspace."""

    id: str = attrs.field(factory=new_id)
    first_name: str
    last_name: str
    email_address: str
    access_level: str = "member"
    created_at: str


@define(kw_only=True)
class Note:
    """A note on one record."""

    id: str = attrs.field(factory=new_id)
    parent_object: str
    parent_record_id: str
    title: str
    content_plaintext: str
    content_markdown: str
    created_by: Actor
    created_at: str


@define(kw_only=True)
class Task:
    """A task, linked to records: pairs of object and record id."""

    id: str = attrs.field(factory=new_id)
    content: str
    deadline_at: str | None
    is_completed: bool
    completed_at: str | None
    linked: list[tuple[str, str]]
    assignees: list[str]
    created_by: Actor
    created_at: str


@frozen(kw_only=True)
class Access:
    """What a token may do, and the actor that its writes bear (recorded 2026-05)."""

    kind: Literal["api-token", "app"]
    id: str
    client_id: str
    scopes: frozenset[str]
    issued_at: int = 1778892789

    @property
    def actor(self) -> Actor:
        return {"type": self.kind, "id": self.id}

    def may(self, scope: str) -> bool:
        held = {scope, scope.replace(":read", ":read-write") if scope.endswith(":read") else scope}
        return bool(held & self.scopes)


@define(kw_only=True, eq=False)
class Workspace(Account):
    """One workspace and the token that reaches it. Ids are the same in each run of a token."""

    id: str
    slug: str
    token_id: str
    client_id: str
    scopes: frozenset[str]
    revoked: bool = False
    started_at: str = attrs.field(factory=lambda: stamp(datetime.now(UTC)))
    custom_objects: int = 12
    """How many custom objects the plan includes."""
    objects: dict[str, Object] = attrs.field(factory=dict)
    lists: dict[str, EntryList] = attrs.field(factory=dict)
    members: dict[str, Member] = attrs.field(factory=dict)
    notes: dict[str, Note] = attrs.field(factory=dict)
    tasks: dict[str, Task] = attrs.field(factory=dict)

    def object(self, name: str) -> Object:
        """By slug or id. Raises: Refusal."""
        found = self.objects.get(name)
        if found is None:
            found = next((one for one in self.objects.values() if one.id == name), None)
        if found is None:
            raise no_object(name)
        return found

    def entry_list(self, name: str) -> EntryList:
        """By slug or id. Raises: Refusal."""
        found = self.lists.get(name)
        if found is None:
            found = next((one for one in self.lists.values() if one.id == name), None)
        if found is None:
            raise no_list(name)
        return found

    def notes_on(self, object_: str, record: str) -> Iterable[Note]:
        return (
            note
            for note in self.notes.values()
            if (note.parent_object, note.parent_record_id) == (object_, record)
        )

    @property
    def own_access(self) -> Access:
        """That of the token made in the workspace's settings."""
        return Access(kind="api-token", id=self.token_id, client_id=self.client_id,
                      scopes=self.scopes)  # fmt: skip

    @property
    def first_member(self) -> Member:
        return next(iter(self.members.values()))
