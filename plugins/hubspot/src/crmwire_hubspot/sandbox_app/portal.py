"""One HubSpot account: its records, their associations, and who may do what."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import attrs
from attrs import define

from crmwire.sandbox import Account
from crmwire_hubspot.sandbox_app.definitions import GROUPS, Property, definitions
from crmwire_hubspot.sandbox_app.kinds import COMPANIES, CONTACTS, KINDS, Kind
from crmwire_hubspot.sandbox_app.times import stamp
from crmwire_hubspot.sandbox_app.windows import Windows

SCOPES = frozenset(
    [
        "oauth",
        "crm.objects.owners.read",
        *(
            f"crm.objects.{kind}.{access}"
            for kind in ("contacts", "companies", "deals")
            for access in ("read", "write")
        ),
    ]
)


SCHEMA_SCOPES = frozenset(
    f"crm.schemas.{kind}.{access}"
    for kind in ("contacts", "companies", "deals")
    for access in ("read", "write")
)
"""Scopes that an app may have and a fresh portal does not grant."""


@define(kw_only=True)
class Stored:
    """A record as the store has it. `index` is what the search saw of it, and since when."""

    kind: Kind
    id: str
    properties: dict[str, str]
    created: datetime
    updated: datetime
    archived_at: datetime | None = None
    index: list[tuple[float, Mapping[str, str] | None]] = attrs.field(factory=list)
    known_by: set[str] = attrs.field(factory=set)

    @property
    def archived(self) -> bool:
        return self.archived_at is not None

    def reindex(self, lag: float) -> None:
        """Let the search see the record as it is now, once the lag has passed."""
        now = time.monotonic()
        self.index.append((now, None if self.archived else dict(self.properties)))
        seen = [number for number, (since, _) in enumerate(self.index) if since <= now - lag]
        if seen:
            del self.index[: seen[-1]]

    def indexed(self, lag: float) -> Mapping[str, str] | None:
        """The record as the search sees it, None if it does not."""
        horizon = time.monotonic() - lag
        seen = [state for since, state in self.index if since <= horizon]
        return seen[-1] if seen else None


End = tuple[str, str]
"""A record: its type and id."""


@define(kw_only=True)
class Portal(Account):
    """One account at HubSpot."""

    portal_id: int
    app_id: str
    random: random.Random
    windows: Windows
    search_lag: float = 0.0
    association_chunk: int = 500
    scopes: set[str] = attrs.field(factory=lambda: set(SCOPES))
    app_windows: Windows | None = None
    """The limits of apps that log in by OAuth; None if those of static tokens hold for them."""
    installer: str = "admin@example.com"
    may_install: bool = True
    records: dict[str, dict[str, Stored]] = attrs.field(
        factory=lambda: {name: {} for name in KINDS}
    )
    former: dict[tuple[str, str], str] = attrs.field(factory=dict)
    """The present id of a merged record, by type and the id it had."""
    links: dict[End, dict[End, list[int]]] = attrs.field(factory=dict)
    """The association type ids between two records, kept from both ends."""
    addresses: dict[str, str] = attrs.field(factory=dict)
    """The id of the live contact with each address."""
    owners: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    properties: dict[str, dict[str, Property]] = attrs.field(
        factory=lambda: {name: definitions(name) for name in KINDS}
    )
    groups: dict[str, dict[str, str]] = attrs.field(
        factory=lambda: {name: dict(GROUPS[name]) for name in KINDS}
    )
    region: str = "na1"
    required: dict[str, set[str]] = attrs.field(factory=lambda: {name: set() for name in KINDS})
    omit_results: int = 0
    """How many results the next batch answers leave out, as odd payloads were seen to do."""
    trace_echo: bool = True
    old_ids: bool = True
    _numbers: Iterator[int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._numbers = itertools.count(self.portal_id * 10_000 + 451)

    def new_id(self) -> str:
        """An id that no other portal has: 12 digits, with gaps."""
        number = 0
        for _ in range(self.random.randint(1, 9)):
            number = next(self._numbers)
        return str(number)

    # ------------------------------------------------------------ records

    def live(self, kind: Kind) -> Iterator[Stored]:
        """All records of a type that are not archived, oldest first."""
        return (one for one in self.records[kind.name].values() if not one.archived)

    def by_id(self, kind: Kind, id_: str) -> Stored | None:
        """A record by its id, also by one it had before a merge; None if archived."""
        while (kind.name, id_) in self.former:
            id_ = self.former[kind.name, id_]
        found = self.records[kind.name].get(id_)
        return None if found is None or found.archived else found

    def to_write(self, kind: Kind, id_: str) -> Stored | None:
        """The record that a batch update or an association names, also one that is read; whether
        it may be named by an id it had before a merge is not known, so that it is an option."""
        if not self.old_ids and (kind.name, id_) in self.former:
            return None
        return self.by_id(kind, id_)

    def by_property(self, kind: Kind, name: str, value: str) -> Stored | None:
        """A record by a unique property; a contact by any of its addresses."""
        wanted = value.strip()
        if kind is CONTACTS and name == "email":
            id_ = self.addresses.get(wanted.lower())
            return None if id_ is None else self.records[kind.name][id_]
        return next((one for one in self.live(kind) if one.properties.get(name) == wanted), None)

    def changed(self, record: Stored) -> None:
        """Let search and look-ups by address see what a record has become."""
        record.reindex(self.search_lag)
        if record.kind is not CONTACTS:
            return
        now = set() if record.archived else emails(record)
        for email in record.known_by - now:
            if self.addresses.get(email) == record.id:
                del self.addresses[email]
        self.addresses |= dict.fromkeys(now, record.id)
        record.known_by = now

    def drop(self, record: Stored) -> None:
        """Take a record out of the store without a trace, since it lives on in another."""
        for email in record.known_by:
            self.addresses.pop(email, None)
        del self.records[record.kind.name][record.id]

    def url(self, kind: Kind, id_: str) -> str:
        return f"https://{self.ui_domain}/contacts/{self.portal_id}/record/{kind.type_id}/{id_}"

    @property
    def ui_domain(self) -> str:
        """Where people see the portal; the API's own address is the same everywhere."""
        return "app.hubspot.com" if self.region == "na1" else f"app-{self.region}.hubspot.com"

    # ------------------------------------------------------------ associations

    def linked(self, kind: Kind, id_: str, to: Kind) -> dict[str, list[int]]:
        """The live records that one is associated with: the type ids by record id."""
        return {
            to_id: type_ids
            for (to_type, to_id), type_ids in self.links.get((kind.name, id_), {}).items()
            if to_type == to.name and self.by_id(to, to_id) is not None
        }

    def add_link(self, one: End, other: End, type_id: int, back: int) -> None:
        """Associate two records, both ways."""
        for start, end, way in ((one, other, type_id), (other, one, back)):
            type_ids = self.links.setdefault(start, {}).setdefault(end, [])
            if way not in type_ids:
                type_ids.append(way)

    def remove_links(self, one: End, other: End, type_ids: frozenset[int] | None = None) -> None:
        """Remove the associations of these types, or all, both ways."""
        for start, end in ((one, other), (other, one)):
            ends = self.links.get(start, {})
            kept = [way for way in ends.get(end, []) if type_ids and way not in type_ids]
            if kept:
                ends[end] = kept
            else:
                ends.pop(end, None)

    def move_links(self, old: End, new: End) -> None:
        """Let another record take over all associations of one."""
        for end, type_ids in self.links.pop(old, {}).items():
            back = self.links.get(end, {}).pop(old, [])
            self.links.setdefault(new, {}).setdefault(end, type_ids)
            self.links.setdefault(end, {}).setdefault(new, back)


def emails(record: Stored) -> set[str]:
    """All addresses of a contact."""
    more = record.properties.get("hs_additional_emails", "").split(";")
    return {record.properties.get("email", ""), *more} - {""}


def computed(portal: Portal, record: Stored) -> dict[str, str]:
    """What HubSpot itself puts into a new record.

    Contacts, companies, notes and tasks as recorded. Guess: meetings carry `hs_object_source`
    too; the only recorded meetings are of 2022 and do not show it.
    """
    kind, given, when = record.kind, record.properties, stamp(record.created)
    made = {
        kind.created: when,
        kind.modified: when,
        "hs_object_id": record.id,
        "hs_object_source": "INTEGRATION",
        "hs_object_source_id": portal.app_id,
        "hs_object_source_label": "INTEGRATION",
    }
    if kind is CONTACTS:
        made |= {
            "hs_all_contact_vids": record.id,
            "hs_is_contact": "true",
            "hs_is_unworked": "true",
            "hs_pipeline": "contacts-lifecycle-pipeline",
            "lifecyclestage": given.get("lifecyclestage", "lead"),
            # ISO in 2024, milliseconds as text in 2026: this is 2026.
            "hs_lifecyclestage_lead_date": str(int(record.created.timestamp() * 1000)),
        }
    if kind is COMPANIES:
        made |= {
            "hs_pipeline": "companies-lifecycle-pipeline",
            "lifecyclestage": given.get("lifecyclestage", "lead"),
        }
        if given.get("domain") and not given.get("website"):
            made["website"] = given["domain"]
    if kind.name == "meetings":
        made["hs_meeting_source"] = "CRM_UI"
    return made | derived(portal, kind, {**given, **made}, when)


def derived(portal: Portal, kind: Kind, properties: Mapping[str, str], when: str) -> dict[str, str]:
    """What follows from other properties, at creation and after each change."""
    made: dict[str, str] = {}
    if kind is CONTACTS:
        email = properties.get("email", "")
        names = [properties.get("firstname", ""), properties.get("lastname", "")]
        made["hs_full_name_or_email"] = " ".join(filter(None, names)) or email
        if email:
            made["hs_email_domain"] = email.rpartition("@")[2]
        if properties.get("phone"):
            digits = [one for one in properties["phone"] if one.isdigit()]
            made["hs_searchable_calculated_phone_number"] = "".join(digits)[-10:]
    body = next(
        (
            properties[name]
            for name in ("hs_meeting_body", "hs_note_body", "hs_task_body")
            if properties.get(name)
        ),
        None,
    )
    if body is not None:
        made |= {
            "hs_body_preview": body[:200],
            "hs_body_preview_html": f"<html>\n <head></head>\n <body>\n {body}\n </body>\n</html>",
            "hs_body_preview_is_truncated": "true" if len(body) > 200 else "false",
        }
    owner = portal.owners.get(properties.get("hubspot_owner_id", ""))
    if owner is not None:
        made |= {
            "hs_all_owner_ids": str(owner["id"]),
            "hs_user_ids_of_all_owners": str(owner["userId"]),
            "hubspot_owner_assigneddate": when,
        }
    return made
