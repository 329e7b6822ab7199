"""What a booking's payload tells, in crmwire's vocabulary."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from crmwire.answers import with_answers
from crmwire.reading import Object, a_list, a_text, a_time, a_web_address, an_id, an_object, texts
from crmwire.vocabulary import Answer, Booking, Details, Page, Payment, Person

STANDARD_ANSWERS = frozenset(["name", "email", "guests", "location"])
"""Questions of every form, whose answers stand elsewhere in the payload."""

PHONE_ONLY = re.compile(r"\+?([0-9]+)@sms\.cal\.com", re.IGNORECASE)
"""The address that Cal.com makes up for a guest who gave a phone number and no address.

From its contructEmailFromPhoneNumber.ts, read 2026-11.
"""

TRACKING_KEY = re.compile(r"utm_.*|(.*[_-])?(id|ID)|.*[a-z](Id|ID)|sfid")
"""Metadata and hidden questions worth keeping: where the guest came from, and ids of records."""

ANSWER_TYPES = {"attendeePhoneNumber": "phone", "notes": "text", "rescheduleReason": "text"}
"""Types of the questions that every form has; of others the webhook does not tell the type."""

NOBODY = Person()

WHOLE_UNITS = (
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga",
    "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf",
)  # fmt: skip
"""Currencies without a smaller unit; of all others `price` is in hundredths.

From Cal.com's currencyConversions.ts, read 2026-11.
"""


def details(payload: Object, event_type: str) -> Details:
    """All that the payload of a booking's trigger says."""
    guests = [_guest(attendee) for attendee in map(an_object, a_list(payload.get("attendees")))]
    hosts = tuple(_hosts(payload))
    responses = an_object(payload.get("responses"))
    answers = tuple(_answers(responses))
    guest = with_answers(_with_name(guests[0] if guests else NOBODY, responses), answers)
    return Details(
        booking=_booking(payload, event_type, guest, guests, hosts),
        guest=guest if guest != NOBODY else None,
        guests=tuple(other for other in guests[1:] if other != NOBODY),
        hosts=hosts,
        page=_page(payload),
        # The labels of a cancelled booking's answers are bare keys: those known are better.
        answers=() if event_type == "booking.cancelled" else answers,
        tracking=dict(_tracking(payload, responses)),
        payment=_payment(payload),
    )


def _booking(
    payload: Object, event_type: str, guest: Person, guests: list[Person], hosts: tuple[Person, ...]
) -> Booking:
    location = a_text(payload.get("location"))
    if location is not None and location.startswith("integrations:"):
        location = None  # the name of a video app, not a place
    join_url = (
        a_text(an_object(payload.get("metadata")).get("videoCallUrl"))
        or a_text(an_object(payload.get("videoCallData")).get("url"))
        or a_web_address(location)
    )
    by = a_text(payload.get("cancelledBy")) or a_text(payload.get("rescheduledBy"))
    return Booking(
        title=a_text(payload.get("title")),
        start=a_time(payload.get("startTime")),
        end=a_time(payload.get("endTime")),
        previous_start=a_time(payload.get("rescheduleStartTime")),
        previous_end=a_time(payload.get("rescheduleEndTime")),
        timezone=guest.timezone,
        notes=a_text(payload.get("additionalNotes")),
        location=location,
        join_url=join_url,
        reason=_reason(payload, event_type),
        by=_side(by, guests, hosts) if by else None,
        url=_url(payload),
    )


def _reason(payload: Object, event_type: str) -> str | None:
    """Why it was cancelled, declined or moved; an earlier move's reason is not a cancel's."""
    if event_type == "booking.rescheduled":
        answer = an_object(an_object(payload.get("responses")).get("rescheduleReason"))
        return a_text(answer.get("value"))
    return a_text(payload.get("cancellationReason")) or a_text(payload.get("rejectionReason"))


def _url(payload: Object) -> str | None:
    """The booking's own page, where guest and host see, move and cancel it."""
    site, uid = a_web_address(payload.get("bookerUrl")), a_text(payload.get("uid"))
    return f"{site.rstrip('/')}/booking/{uid}" if site and uid else None


def _payment(payload: Object) -> Payment | None:
    """What the booking costs; whether it is paid is told by no booking trigger but `paid`."""
    price, currency = payload.get("price"), a_text(payload.get("currency"))
    if not isinstance(price, int) or isinstance(price, bool) or not 0 < price < 10**15:
        return None
    whole = currency is not None and currency.lower() in WHOLE_UNITS
    return Payment(
        amount=str(price) if whole else f"{price // 100}.{price % 100:02}",
        currency=currency.upper() if currency else None,
        status="paid" if payload.get("paid") is True else None,
    )


def _side(by: str, guests: list[Person], hosts: tuple[Person, ...]) -> str:
    """`host` or `guest`, if it is the address of one of them, else the text as it was sent."""
    sides = (("host", hosts), ("guest", guests))
    for side, people in sides:
        if by.lower() in [person.email.lower() for person in people if person.email]:
            return side
    return by


def _page(payload: Object) -> Page | None:
    page = Page(
        id=an_id(payload.get("eventTypeId")),
        title=a_text(payload.get("eventTitle")) or a_text(payload.get("type")),
    )
    return page if page != Page() else None


def _hosts(payload: Object) -> Iterator[Person]:
    """The organizer, then the other members of the team."""
    seen: set[str | None] = set()
    members = a_list(an_object(payload.get("team")).get("members"))
    for one in map(an_object, (payload.get("organizer"), *members)):
        host = Person(
            id=an_id(one.get("id")),
            email=a_text(one.get("email")),
            full_name=a_text(one.get("name")),
            timezone=a_text(one.get("timeZone")),
            locale=_locale(one),
        )
        if host != NOBODY and (host.email is None or host.email not in seen):
            seen.add(host.email)
            yield host


def _guest(attendee: Object) -> Person:
    email = a_text(attendee.get("email"))
    phone = a_text(attendee.get("phoneNumber"))
    made_up = PHONE_ONLY.fullmatch(email) if email else None
    if made_up:
        email, phone = None, phone or f"+{made_up[1]}"
    return Person(
        email=email,
        full_name=a_text(attendee.get("name")),
        given_name=a_text(attendee.get("firstName")),
        family_name=a_text(attendee.get("lastName")),
        phone=phone,
        locale=_locale(attendee),
        timezone=a_text(attendee.get("timeZone")),
    )


def _with_name(guest: Person, responses: Object) -> Person:
    """The guest, with the parts of the name if the form asked for them one by one."""
    name = an_object(an_object(responses.get("name")).get("value"))
    if not name:
        return guest
    return attrs.evolve(
        guest,
        given_name=guest.given_name or a_text(name.get("firstName")),
        family_name=guest.family_name or a_text(name.get("lastName")),
    )


def _locale(person: Object) -> str | None:
    return a_text(an_object(person.get("language")).get("locale")) or a_text(person.get("locale"))


def _answers(responses: Object) -> Iterator[Answer]:
    for name, response in responses.items():
        key = a_text(name)
        value = an_object(response).get("value")
        values = tuple(_values(value))
        if key and values and key not in STANDARD_ANSWERS:
            label = a_text(an_object(response).get("label"))
            yield Answer(key=key, label=label, type=_type(key, value), values=values)


def _type(key: str, value: object) -> str | None:
    """The kind of the question, as far as its answer tells it."""
    kinds = {bool: "boolean", int: "number", float: "number", list: "multiple"}
    return ANSWER_TYPES.get(key) or kinds.get(type(value))


def _values(value: object) -> Iterator[str]:
    """The texts of an answer; a choice with a field beside it is the field, else the choice."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            text = a_text(one.get("optionValue")) or a_text(one.get("value"))
            yield from [text] if text else []
        elif not isinstance(one, list):
            yield from texts(one)


def _tracking(payload: Object, responses: Object) -> Iterator[tuple[str, str]]:
    """Where the guest came from: the metadata, and hidden questions, which the link fills in."""
    hidden = {
        name: an_object(response).get("value")
        for name, response in responses.items()
        if an_object(response).get("isHidden") is True
    }
    for place in (hidden, an_object(payload.get("metadata")), an_object(payload.get("tracking"))):
        for name, value in place.items():
            key, text = a_text(name), a_text(value)
            if key and text and TRACKING_KEY.fullmatch(key):
                yield key, text
