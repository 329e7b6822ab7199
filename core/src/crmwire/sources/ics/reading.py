"""Reading iCalendar objects: times in their zones, who invited whom, where it is."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from attrs import frozen
from icalendar import Calendar, ComponentFactory
from icalendar.timezone import tzp

from crmwire.errors import UnreadableWebhook
from crmwire.reading import a_text, a_web_address
from crmwire.sources.ics.settings import Settings
from crmwire.vocabulary import Booking, Details, Page, Person

FAULTS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    OSError,
)
"""What the library raises on texts that are no calendars."""
_PARSING = threading.Lock()
_LINK = re.compile(r"https?://[^\s<>\"']+")
_JOIN = ("X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL", "CONFERENCE")
"""Where calendars keep the address of a video meeting (RFC 7986 and vendors' own)."""


@frozen(kw_only=True)
class Entry:
    """One VEVENT, as far as it can be read."""

    uid: str
    recurrence: str
    sequence: int
    stamp: datetime | None
    modified: datetime | None
    cancelled: bool
    all_day: bool
    details: Details

    @property
    def subject(self) -> str:
        """What it is about: an instance of a series is a booking of its own."""
        return f"{self.uid}/{self.recurrence}" if self.recurrence else self.uid

    @property
    def start(self) -> datetime | None:
        booking = self.details.booking
        return booking.start if booking else None


def calendars(content: bytes) -> Sequence[Any]:
    """The VCALENDARs of a file or message. Raises: UnreadableWebhook."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    if "BEGIN:VCALENDAR" not in text.upper():
        raise UnreadableWebhook("The body is no calendar: BEGIN:VCALENDAR is missing.")
    try:
        found = _parsed(text)
    except FAULTS as error:
        raise UnreadableWebhook(f"The calendar cannot be read ({type(error).__name__}).") from None
    whole = [one for one in found if one.name == "VCALENDAR"]
    if not whole:
        raise UnreadableWebhook("The calendar ends early: END:VCALENDAR is missing.")
    return whole


class _Calendar(Calendar):
    """With a factory for each parse: it makes a class of every name of a component that it meets,
    and keeps it."""

    @classmethod
    def _get_component_factory(cls) -> ComponentFactory:
        return ComponentFactory()


def _parsed(text: str) -> Sequence[Any]:
    """What the library makes of a text, with nothing left over from the texts before.

    It keeps each zone that a calendar defines under its name, for the whole process: one that
    another calendar calls the same would be taken for it, and its bookings be at wrong times.
    """
    with _PARSING, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each is remembered with its text
        tzp.use_zoneinfo()
        return _Calendar.from_ical(text.encode(), multiple=True)  # a text may be taken for a path


def method(calendar: Any) -> str:
    """What a message wants: REQUEST, CANCEL, REPLY …; PUBLISH if it does not say."""
    return (_text(calendar, "METHOD") or "PUBLISH").upper()


def entries(calendar: Any, settings: Settings) -> Iterator[Entry]:
    """Its events. Raises: UnreadableWebhook if one has no UID or no readable time."""
    name = settings.page or _text(calendar, "X-WR-CALNAME")
    try:
        found = list(calendar.walk("VEVENT"))
    except FAULTS:
        raise UnreadableWebhook("The calendar's events cannot be read.") from None
    for event in found:
        try:
            yield _entry(event, name, settings)
        except FAULTS as error:
            if isinstance(error, UnreadableWebhook):
                raise
            raise UnreadableWebhook(
                f"An event of the calendar cannot be read ({type(error).__name__})."
            ) from None


def _entry(event: Any, page: str | None, settings: Settings) -> Entry:
    uid = _text(event, "UID")
    if uid is None:
        raise UnreadableWebhook("An event of the calendar has no UID.")
    zone = ZoneInfo(settings.zone)
    start, end = _times(event, zone)
    recurrence = _date(event, "RECURRENCE-ID")
    return Entry(
        uid=uid,
        recurrence="" if recurrence is None else _moment(recurrence, zone).isoformat(),
        sequence=_sequence(event),
        stamp=_stamp(event, "DTSTAMP"),
        modified=_stamp(event, "LAST-MODIFIED"),
        cancelled=(_text(event, "STATUS") or "").upper() == "CANCELLED",
        all_day=_is_day(_date(event, "DTSTART")),
        details=_details(event, start, end, page, settings),
    )


def _details(
    event: Any, start: datetime | None, end: datetime | None, page: str | None, settings: Settings
) -> Details:
    organizer = _person(event.get("ORGANIZER"))
    own = {one.lower() for one in settings.own}
    host_email = organizer.email.lower() if organizer and organizer.email else None
    attendees = [person for person in map(_person, _list(event.get("ATTENDEE"))) if person]
    hosts = [organizer] if organizer else []
    guests: list[Person] = []
    for person in attendees:
        email = person.email.lower() if person.email else None
        if email is not None and email == host_email:
            continue
        (hosts if email in own else guests).append(person)
    if not guests and organizer and host_email not in own and len(hosts) > 1:
        # Whoever invites the team is its guest.
        guests, hosts = [organizer], hosts[1:]
    location, description = _text(event, "LOCATION"), _text(event, "DESCRIPTION")
    return Details(
        booking=Booking(
            title=_text(event, "SUMMARY"),
            start=start,
            end=end,
            timezone=_zone_name(event),
            notes=description,
            location=location,
            join_url=_join_url(event, location, description),
            url=a_web_address(_text(event, "URL")),
        ),
        guest=guests[0] if guests else None,
        guests=tuple(guests[1:]),
        hosts=tuple(hosts),
        page=Page(id=page, title=page) if page else None,
    )


def _join_url(event: Any, location: str | None, description: str | None) -> str | None:
    for name in _JOIN:
        url = a_web_address(_text(event, name))
        if url:
            return url
    found = _LINK.search(location or "")
    return found[0] if found else None


def _times(event: Any, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    begin, finish = _date(event, "DTSTART"), _date(event, "DTEND")
    if begin is None:
        return None, None
    start = _moment(begin, zone)
    if finish is not None:
        return start, _moment(finish, zone)
    length = getattr(event.get("DURATION"), "dt", None)
    if isinstance(length, timedelta):
        return start, start + length
    return start, (start + timedelta(days=1) if _is_day(begin) else start)


def _date(event: Any, name: str) -> date | datetime | None:
    value = event.get(name)
    if isinstance(value, list):
        value = value[0] if value else None
    found = getattr(value, "dt", None)
    return found if isinstance(found, date) else None


def _is_day(value: date | datetime | None) -> bool:
    return value is not None and not isinstance(value, datetime)


def _moment(value: date | datetime, zone: ZoneInfo) -> datetime:
    """A time in UTC: one without a zone, and the beginning of a day, are in the feed's."""
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001  (the next line)
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def _stamp(event: Any, name: str) -> datetime | None:
    value = _date(event, name)
    return None if value is None else _moment(value, ZoneInfo("UTC"))


def _zone_name(event: Any) -> str | None:
    """The zone that the start was written in, if it is one that everybody knows."""
    value = event.get("DTSTART")
    params = getattr(value, "params", None)
    name = a_text(params.get("TZID")) if params else None
    if name is None:
        return None
    try:
        return ZoneInfo(name).key
    except (ValueError, LookupError, OSError):
        return None


def _sequence(event: Any) -> int:
    try:
        return max(0, min(int(event.get("SEQUENCE", 0)), 2**26))
    except (ValueError, TypeError):
        return 0


def _person(value: Any) -> Person | None:
    """Who a calendar address names: its address, and the name beside it."""
    text = _plain(value)
    if text is None:
        return None
    email = text[7:] if text.lower().startswith("mailto:") else text
    params = getattr(value, "params", {})
    email = a_text(params.get("EMAIL")) or (a_text(email) if "@" in email else None) or ""
    name = a_text(params.get("CN"))
    if not email and not name:
        return None
    return Person(email=email or None, full_name=None if name == email else name)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(component: Any, name: str) -> str | None:
    value = component.get(name)
    return _plain(value[0] if isinstance(value, list) and value else value)


def _plain(value: Any) -> str | None:
    return a_text(str(value)) if isinstance(value, str) else None
