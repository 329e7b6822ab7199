"""From a body and the feed's settings to an event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from crmwire.errors import UnreadableWebhook
from crmwire.reading import a_list, a_text, an_id, texts
from crmwire.sources.webhook.settings import PARTS, TIMES
from crmwire.types import Event
from crmwire.vocabulary import Answer, Details, Person

if TYPE_CHECKING:
    from crmwire.sources.webhook.paths import Path
    from crmwire.sources.webhook.settings import Settings
    from crmwire.types import WebhookRequest

NEEDS_A_START = ("booking.requested", "booking.created", "booking.rescheduled")
FORM = "application/x-www-form-urlencoded"
MILLISECONDS = 10_000_000_000
"""Unix times above are in milliseconds: as seconds they would be after the year 2286."""


def events(settings: Settings, request: WebhookRequest) -> list[Event]:
    """The event of a webhook. Raises: UnreadableWebhook, saying what is missing where."""
    body = _body(request)
    seen = _Seen(settings, body, request.headers)
    name = an_id(seen.at(settings.kind))
    if name is None:
        raise UnreadableWebhook(f"{settings.kind.text} names no kind of event.")
    occurred_at = _occurred_at(settings, seen, request)
    kind = settings.events.get(name)
    if kind is None:
        return [
            Event(
                type=name[:200],
                subject_id=an_id(seen.at(settings.id)) or "",
                occurred_at=occurred_at,
                webhook_id=an_id(seen.at(settings.event_id)),
                ignored=f"the feed's settings say nothing of {name[:80]}",
            )
        ]
    subject_id = an_id(seen.at(settings.id))
    if subject_id is None:
        raise UnreadableWebhook(f"{settings.id.text} holds no id.")
    details = seen.details()
    needs_start = kind.type in NEEDS_A_START and not kind.partial
    if needs_start and (details.booking is None or details.booking.start is None):
        where = settings.fields.get("booking.start")
        said = f"{where.text} holds no time" if where else "booking.start is not among the fields"
        raise UnreadableWebhook(f"It tells of no start: {said}.")
    return [
        Event(
            type=kind.type,
            subject_id=subject_id,
            previous_ids=tuple(seen.ids(settings.previous_ids)),
            occurred_at=occurred_at,
            version=_version(seen.at(settings.version)) if settings.version else None,
            webhook_id=an_id(seen.at(settings.event_id)),
            item=(an_id(seen.at(settings.item)) if settings.item else None) or "",
            partial=kind.partial,
            details=details,
        )
    ]


def _body(request: WebhookRequest) -> Mapping[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == FORM:
        try:
            return dict(parse_qsl(request.body.decode(), strict_parsing=True))
        except ValueError:
            raise UnreadableWebhook("The body is no form.") from None
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise UnreadableWebhook("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise UnreadableWebhook("The body is JSON, but no object.")
    return body


def _occurred_at(settings: Settings, seen: _Seen, request: WebhookRequest) -> datetime:
    if settings.at is not None:
        moment = a_moment(seen.at(settings.at), settings.zone)
        if moment is None:
            raise UnreadableWebhook(f"{settings.at.text} holds no time.")
        return moment
    stamp = a_moment(request.headers.get("webhook-timestamp"), None)
    return stamp or request.received_at


class _Seen:
    """A body, read by the settings."""

    def __init__(self, settings: Settings, body: object, headers: Mapping[str, str]) -> None:
        self._settings = settings
        self._body = body
        self._headers = headers

    def at(self, path: Path) -> object:
        return path.of(self._body, self._headers)

    def ids(self, paths: tuple[Path, ...]) -> list[str]:
        """The ids that stand at any of these paths, alone or in a list."""
        found = []
        for path in paths:
            value = self.at(path)
            for one in value if isinstance(value, list) else [value]:
                id_ = an_id(one)
                if id_ is not None and id_ not in found:
                    found.append(id_)
        return found

    def details(self) -> Details:
        settings = self._settings
        made: dict[str, Any] = {}
        for part, kind in PARTS.items():
            values: dict[str, Any] = {
                name.partition(".")[2]: self._value(name, path)
                for name, path in settings.fields.items()
                if name.partition(".")[0] == part and name not in TIMES
            }
            zone = self._zone(values)
            values |= {
                name.partition(".")[2]: a_moment(self.at(path), zone)
                for name, path in settings.fields.items()
                if name.partition(".")[0] == part and name in TIMES
            }
            known = {name: value for name, value in values.items() if value is not None}
            if known:
                made[part] = kind(**known)
        for name in ("guests", "hosts"):
            people = [_person(one, inner) for one, inner in self._entries(name)]
            made[name] = tuple(person for person in people if person is not None)
        answers = [_answer(one, inner) for one, inner in self._entries("answers")]
        made["answers"] = tuple(answer for answer in answers if answer is not None)
        made["tracking"] = self._tracking()
        return Details(**made)

    def _value(self, name: str, path: Path) -> str | None:
        value = self.at(path)
        if isinstance(value, float):
            return str(value)
        return an_id(value)

    def _zone(self, values: Mapping[str, Any]) -> ZoneInfo | None:
        """Where times without an offset are: in the guest's zone if it is told, else the feed's."""
        try:
            return ZoneInfo(values["timezone"])
        except (KeyError, ValueError, TypeError, OSError):
            return self._settings.zone

    def _entries(self, name: str) -> list[tuple[object, Mapping[str, Path]]]:
        if name not in self._settings.lists:
            return []
        path, inner = self._settings.lists[name]
        value = self.at(path)
        if isinstance(value, Mapping) and name == "answers":
            # Questions by their key: each answer is a value, or an object that holds it.
            return [
                ({"key": key, **(one if isinstance(one, Mapping) else {"value": one})}, inner)
                for key, one in value.items()
            ]
        return [(one, inner) for one in a_list(value)]

    def _tracking(self) -> dict[str, str]:
        path = self._settings.tracking
        value = self.at(path) if path else None
        if not isinstance(value, Mapping):
            return {}
        pairs = ((a_text(key), an_id(one)) for key, one in value.items())
        return {key: text for key, text in pairs if key and text}


def _person(one: object, inner: Mapping[str, Path]) -> Person | None:
    """Someone of a list: an object, or an address alone."""
    if isinstance(one, str):
        email = a_text(one)
        return Person(email=email) if email else None
    values = {name: an_id(path.of(one, {})) for name, path in inner.items()}
    person = Person(**values)
    return person if person != Person() else None


def _answer(one: object, inner: Mapping[str, Path]) -> Answer | None:
    def text(name: str) -> str | None:
        return an_id(inner[name].of(one, {}) if name in inner else _own(one, name))

    values = texts(inner["value"].of(one, {}) if "value" in inner else _own(one, "value"))
    key = text("key") or text("label")
    if key is None or not values:
        return None
    return Answer(key=key, label=text("label"), type=text("type"), values=values)


def _own(one: object, name: str) -> object:
    return one.get(name) if isinstance(one, Mapping) else None


def a_moment(value: object, zone: ZoneInfo | None) -> datetime | None:
    """A time of ISO 8601, or a unix time in seconds or milliseconds; None if it is neither.

    One without an offset is in `zone`, or else in UTC.
    """
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, int | float):
            seconds = value / 1000 if abs(value) > MILLISECONDS else value
            return datetime.fromtimestamp(seconds, UTC)
        text = a_text(value)
        if text is None:
            return None
        if text.isdecimal():
            return a_moment(int(text), zone)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone or UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _version(value: object) -> int | None:
    """A number, or a time in microseconds."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = a_text(value)
    if text and text.isdecimal() and len(text) < 20:
        return int(text)
    moment = a_moment(value, None)
    return None if moment is None else int(moment.timestamp() * 1_000_000)
