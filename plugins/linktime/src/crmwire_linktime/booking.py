"""What a LinkTime booking tells, in crmwire's vocabulary. The API names some fields otherwise."""

from __future__ import annotations

from datetime import datetime

from crmwire.reading import Object, a_text, a_time, a_web_address, an_object
from crmwire.vocabulary import Booking, Details, Page, Person

PREVIOUS = ("previous", "old", "original")
"""What the fields of a moved booking's earlier times may begin with.

Guess: the documents say that the times are sent, but no copy shows their names. Where none fits,
the times that crmwire knew of the booking are taken.
"""

SIDES = {"host": "host", "invitee": "guest", "guest": "guest"}


def details(data: Object) -> Details:
    """All that is known of a booking."""
    guest = _guest(data)
    page, host = an_object(data.get("eventType")), an_object(data.get("host"))
    return Details(
        booking=_booking(data, guest),
        guest=guest if guest != Person() else None,
        hosts=tuple(one for one in [_host(host)] if one != Person()),
        page=_page(page),
    )


def _booking(data: Object, guest: Person) -> Booking:
    page = an_object(data.get("eventType"))
    location, by = a_text(data.get("location")), a_text(data.get("cancelledBy"))
    return Booking(
        title=a_text(data.get("title")) or a_text(page.get("name")),
        start=a_time(data.get("startTime")),
        end=a_time(data.get("endTime")),
        previous_start=_previous(data, "startTime"),
        previous_end=_previous(data, "endTime"),
        timezone=guest.timezone,
        notes=a_text(data.get("notes")),
        location=location,
        join_url=a_web_address(data.get("meetingLink")) or a_web_address(location),
        reason=a_text(data.get("cancelReason")),
        by=SIDES.get(by.lower(), by) if by else None,
    )


def _previous(data: Object, name: str) -> datetime | None:
    capital = name[0].upper() + name[1:]
    for word in PREVIOUS:
        found = a_time(data.get(word + capital)) or a_time(an_object(data.get(word)).get(name))
        if found:
            return found
    return None


def _guest(data: Object) -> Person:
    """The invitee; the API's list has `inviteeName` and so on instead (by its create call)."""
    invitee, contact = an_object(data.get("invitee")), an_object(data.get("contact"))

    def told(name: str, flat: str) -> str | None:
        places = (invitee.get(name), data.get(flat), contact.get(name))
        return next((text for text in map(a_text, places) if text), None)

    return Person(
        email=told("email", "inviteeEmail"),
        full_name=told("name", "inviteeName"),
        phone=told("phone", "inviteePhone"),
        company=told("company", "inviteeCompany"),
        timezone=told("timezone", "inviteeTimezone"),
    )


def _host(host: Object) -> Person:
    return Person(
        id=a_text(host.get("id")),
        email=a_text(host.get("email")),
        full_name=a_text(host.get("name")),
    )


def _page(page: Object) -> Page | None:
    made = Page(id=a_text(page.get("id")), title=a_text(page.get("name")))
    return made if made != Page() else None
