"""What is sent to the CRM, and what it made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: F401  (what `Value` is written with)
from datetime import date, datetime  # noqa: F401
from typing import Literal

import attrs
from attrs import frozen

from crmwire.types.records import Key
from crmwire.types.values import Ref, Value


@frozen(kw_only=True)
class About:
    """A record that a write is associated with: WhoId's, an association's or a note's.

    With `only_new` an upsert associates only what it made: a record that was there is left alone.
    """

    role: str
    type: str
    record: str | Ref
    only_new: bool = False


@frozen(kw_only=True)
class Write:
    """One create, update, upsert or delete to send.

    `id` is unique in its batch and what a `Ref` names; `key` is the same for each repetition of
    this write. Writes of one `group` stand or fall together where the API can. `match` is the
    unique key of an upsert. `add` names the list fields whose values join what is there.
    `on_create` fields count only if an upsert creates. `drop_allowed` fields may be left out if
    the CRM refuses them. `sent_at` is when an earlier attempt of it was first sent, and `sent_by`
    the id of the user who was connected then, if it is known: that may be another one by now.
    `settings` is the mapping's `[crm]` table, an instance of the plugin's own class.
    """

    id: str
    key: str
    group: str | None
    role: str
    action: Literal["create", "update", "upsert", "delete"]
    type: str
    record: str | None = None
    match: Key | None = None
    fields: Mapping[str, Value] = attrs.field(factory=dict)
    add: tuple[str, ...] = ()
    on_create: Mapping[str, Value] = attrs.field(factory=dict)
    about: tuple[About, ...] = ()
    drop_allowed: tuple[str, ...] = ()
    mark: str | None = None
    sent_at: datetime | None = None
    sent_by: str = ""
    settings: attrs.AttrsInstance | None = None


@frozen(kw_only=True)
class Written:
    """What a write made. `id` is the write's, `record` the CRM's; `created` None if unknown."""

    id: str
    type: str
    record: str
    created: bool | None = None
    url: str | None = None
    dropped: tuple[str, ...] = ()
    request_id: str = ""
