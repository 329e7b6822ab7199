"""Events, what they are about, and their deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import attrs
from attrs import frozen

from crmwire.vocabulary import Details

_LARGEST = 2**61


@frozen(kw_only=True)
class Event:
    """One thing that happened to one subject, as a source tells it.

    `type` is a word of the vocabulary, or, when `ignored` gives a reason, the source's own name.
    `subject_id` and `previous_ids` are the source's ids. `version` orders the events of a subject;
    by default the microseconds of `occurred_at`. `partial` events say only a part and never make
    a subject known by themselves. `item` names a part of the subject (a message), if any.
    """

    type: str
    subject_id: str
    previous_ids: tuple[str, ...] = ()
    occurred_at: datetime
    version: int | None = None
    webhook_id: str | None = None
    item: str = ""
    partial: bool = False
    ignored: str | None = None
    details: Details = attrs.field(factory=Details)

    @property
    def order(self) -> int:
        """The number that orders this event among those of its subject."""
        if self.version is not None:
            return max(-_LARGEST, min(self.version, _LARGEST))
        return int(self.occurred_at.timestamp() * 1_000_000)


SubjectStatus = Literal[
    "unknown", "requested", "active", "cancelled", "rejected", "completed", "no_show", "open"
]


@frozen(kw_only=True)
class Link:
    """The memory that (connection, subject, role, item) is this CRM record.

    `version` is the subject's version that was last written to it. A `retired` link is one that
    a joined subject left over: its record is to be marked as cancelled.
    """

    role: str
    item: str = ""
    type: str
    record: str
    version: int = 0
    url: str | None = None
    retired: bool = False


@frozen(kw_only=True)
class Subject:
    """What events are about: one booking or one ticket, through all its ids.

    In a delivery it is the subject as known when the event came in (the event itself included),
    with the links of the delivery's connection. `delivered` is the newest version that was
    delivered to that connection.
    """

    id: int
    feed: str
    status: SubjectStatus
    version: int
    details: Details
    links: tuple[Link, ...] = ()
    delivered: int = 0

    def link(self, role: str, item: str = "") -> Link | None:
        """The link of that role and item, if there is one."""
        for link in self.links:
            if (link.role, link.item) == (role, item) and not link.retired:
                return link
        return None


@frozen(kw_only=True)
class Delivery:
    """One event on one route: the unit of work. Times are aware and UTC."""

    id: int
    event_id: int
    event: Event
    subject: Subject
    connection: str
    route: str
    state: str = "ready"
    tries: int = 0
    first_try_at: datetime | None = None
    late: bool = False
    """The event came in after a newer one of its subject."""
    again: bool = False
    """A person asked to write a delivered event once more."""


@frozen(kw_only=True)
class DeliveryChange:
    """What observers are told: a delivery went from one state to another."""

    delivery: int
    connection: str
    crm: str
    event_type: str
    before: str
    after: str
    failure: str = ""
    message: str = ""
    remedy: str = ""
