"""What a team sets for such a feed: where everything stands in the tool's bodies.

[feeds.rooms.settings]
kind = "event"
id   = "data.id"
at   = "timestamp"
[feeds.rooms.settings.events]
"room.booked" = "booking.created"
"room.absent" = {type = "booking.no_show", partial = true}
[feeds.rooms.settings.fields]
"booking.start" = "data.from"
"guest.email"   = "data.who.mail"
answers         = {path = "data.questions", key = "id", label = "text", value = "answer"}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import attrs
from attrs import field, frozen

from crmwire import feed_settings, vocabulary
from crmwire.errors import ConfigurationError
from crmwire.sources.webhook.paths import Path, path
from crmwire.types import SignatureScheme
from crmwire.vocabulary import EVENT_TYPES

if TYPE_CHECKING:
    from crmwire.types import Feed

PARTS = {
    "booking": vocabulary.Booking,
    "guest": vocabulary.Person,
    "customer": vocabulary.Person,
    "page": vocabulary.Page,
    "payment": vocabulary.Payment,
    "ticket": vocabulary.Ticket,
    "message": vocabulary.Message,
}
"""What a field's name begins with, and what it is a field of."""

LISTS: Mapping[str, frozenset[str]] = {
    "guests": frozenset(attrs.fields_dict(vocabulary.Person)),
    "hosts": frozenset(attrs.fields_dict(vocabulary.Person)),
    "answers": frozenset(["key", "label", "type", "value"]),
}
"""What tells several things at once: a list in the body, and where each field stands in one."""

TIMES = frozenset(
    f"{part}.{name}"
    for part, kind in PARTS.items()
    for name, one in attrs.fields_dict(kind).items()
    if "datetime" in str(one.type)
)


@frozen(kw_only=True)
class Kind:
    """What an event of the tool's becomes; a partial one never makes a booking known."""

    type: str
    partial: bool = False


@frozen(kw_only=True)
class _Raw:
    """The settings as they are written."""

    id: str
    kind: str = "header:webhook-type"
    at: str | None = None
    previous_ids: tuple[str, ...] = ()
    version: str | None = None
    event_id: str = "header:webhook-id"
    item: str | None = None
    zone: str | None = None
    events: Mapping[str, Any] = field(factory=dict)
    fields: Mapping[str, Any] = field(factory=dict)
    pages: Mapping[str, str] = field(factory=dict)
    signature: SignatureScheme | None = None


@frozen(kw_only=True)
class Settings:
    """The settings, ready for use. Of `lists`, each has a path and the paths inside one entry."""

    id: Path
    kind: Path
    at: Path | None
    previous_ids: tuple[Path, ...]
    version: Path | None
    event_id: Path
    item: Path | None
    zone: ZoneInfo | None
    events: Mapping[str, Kind]
    fields: Mapping[str, Path]
    lists: Mapping[str, tuple[Path, Mapping[str, Path]]]
    tracking: Path | None
    pages: Mapping[str, str]
    signature: SignatureScheme | None


def settings_of(feed: Feed) -> Settings:
    """A feed's settings, checked. Raises: ConfigurationError with every problem and its path."""
    raw = feed_settings.settings_of(feed, _Raw)
    return _Reader(f"settings of feed {feed.name}").read(raw)


class _Reader:
    """Reads settings and notes every mistake."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.problems: list[str] = []

    def read(self, raw: _Raw) -> Settings:
        made = Settings(
            id=self.path("id", raw.id),
            kind=self.path("kind", raw.kind),
            at=self.maybe("at", raw.at),
            previous_ids=tuple(self.path("previous_ids", one) for one in raw.previous_ids),
            version=self.maybe("version", raw.version),
            event_id=self.path("event_id", raw.event_id),
            item=self.maybe("item", raw.item),
            zone=self.zone(raw.zone),
            events={name: self.kind(name, value) for name, value in raw.events.items()},
            fields={
                name: self.path(f"fields[{name!r}]", value)
                for name, value in raw.fields.items()
                if name != "tracking" and name not in LISTS and self.is_field(name)
            },
            lists={name: self.list(name, raw.fields[name]) for name in LISTS if name in raw.fields},
            tracking=self.maybe("fields.tracking", raw.fields.get("tracking")),
            pages=dict(raw.pages),
            signature=raw.signature,
        )
        if not raw.events:
            self.problem("events", "none of the tool's events is named")
        for page, title in raw.pages.items():
            if not isinstance(title, str) or not title:
                self.problem(f"pages[{page!r}]", "a title is a text")
        if self.problems:
            number = len(self.problems)
            raise ConfigurationError(
                f"{self.where} has {'a mistake' if number == 1 else f'{number} mistakes'}:",
                problems=self.problems,
            )
        return made

    def problem(self, place: str, what: str) -> None:
        self.problems.append(f"{what} @ {self.where}.{place}")

    def path(self, place: str, text: object) -> Path:
        if not isinstance(text, str):
            self.problem(place, f"a path is a text, not {text!r}")
            return Path(text="")
        try:
            return path(text)
        except ConfigurationError as error:
            self.problem(place, str(error))
            return Path(text=text)

    def maybe(self, place: str, text: object) -> Path | None:
        return None if text is None else self.path(place, text)

    def zone(self, name: str | None) -> ZoneInfo | None:
        try:
            return None if name is None else ZoneInfo(name)
        except (ValueError, LookupError, OSError):
            self.problem("zone", f"{name!r} is no time zone")
            return None

    def kind(self, name: str, value: object) -> Kind:
        place = f"events[{name!r}]"
        type_, partial = value, False
        if isinstance(value, Mapping):
            type_, partial = value.get("type"), value.get("partial", False)
            if set(value) - {"type", "partial"} or not isinstance(partial, bool):
                self.problem(place, "it has a type and, if it is so, partial = true")
        if not isinstance(type_, str) or type_ not in EVENT_TYPES:
            self.problem(
                place, f"{type_!r} is no event; there are {', '.join(sorted(EVENT_TYPES))}"
            )
            return Kind(type="booking.updated")
        return Kind(type=type_, partial=bool(partial))

    def is_field(self, name: str) -> bool:
        part, _, own = name.partition(".")
        if part not in PARTS:
            can = ", ".join([*(f"{one}.…" for one in PARTS), *LISTS, "tracking"])
            self.problem(f"fields[{name!r}]", f"there is no such field; there are {can}")
            return False
        fields = attrs.fields_dict(PARTS[part])
        if own not in fields:
            can = ", ".join(f'"{part}.{one}"' for one in fields)
            self.problem(
                f"fields[{name!r}]", f"there is no such field; there are, in quotes, {can}"
            )
        return own in fields

    def list(self, name: str, value: object) -> tuple[Path, Mapping[str, Path]]:
        place = f"fields.{name}"
        if not isinstance(value, Mapping) or "path" not in value:
            self.problem(place, "it is a table with a path and where each field stands in one")
            return Path(text=""), {}
        inner = {own: one for own, one in value.items() if own != "path"}
        for own in inner.keys() - LISTS[name]:
            self.problem(place, f"there is no field {own!r}")
        return (
            self.path(f"{place}.path", value["path"]),
            {own: self.path(f"{place}.{own}", one) for own, one in inner.items()},
        )
