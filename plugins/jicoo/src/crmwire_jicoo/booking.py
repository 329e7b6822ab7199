"""What a Jicoo booking tells, in crmwire's vocabulary. Webhooks and the API differ a little."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from crmwire.answers import with_answers
from crmwire.reading import Object, a_list, a_text, a_time, a_web_address, an_object, texts
from crmwire.types import Json
from crmwire.vocabulary import Answer, Booking, Details, Page, Person

UTM = ("source", "medium", "campaign", "content", "term")


def details(booking: Object, contact: Object, by: str | None, hosts: Mapping[str, Json]) -> Details:
    """All that is known of a booking.

    `hosts` says who a host is, by Jicoo's id of the user: an address, or `{email, name}`; webhooks
    and the booking itself hold the ids only.
    """
    answers = tuple(_answers(booking))
    guest = with_answers(_guest(booking, contact), answers)
    return Details(
        booking=_booking(booking, by),
        guest=guest if guest != Person() else None,
        guests=tuple(_copied(booking)),
        hosts=tuple(_hosts(booking, hosts)),
        page=_page(booking),
        answers=answers,
        tracking=dict(_tracking(booking)),
    )


def _booking(booking: Object, by: str | None) -> Booking:
    meeting = an_object(booking.get("meeting"))
    links = (booking.get("url"), meeting.get("url"), meeting.get("link"))
    places = (booking.get("address"), booking.get("customLocation"), booking.get("phoneNumber"))
    return Booking(
        title=a_text(booking.get("name")),
        start=a_time(booking.get("startedAt")),
        end=a_time(booking.get("endedAt")),
        timezone=a_text(booking.get("timeZone")),
        notes=a_text(booking.get("message")),
        location=next((text for text in map(a_text, places) if text), None),
        join_url=next((link for link in map(a_web_address, links) if link), None),
        reason=a_text(booking.get("cancelReason")),
        by=a_text(booking.get("cancelledBy")) or by,
    )


def _guest(booking: Object, contact: Object) -> Person:
    return Person(
        email=a_text(contact.get("email")),
        full_name=a_text(contact.get("name")),
        phone=a_text(contact.get("phone")),
        company=a_text(contact.get("company")),
        locale=a_text(contact.get("locale")),
        timezone=a_text(contact.get("timezone")) or a_text(booking.get("timeZone")),
    )


def _copied(booking: Object) -> Iterator[Person]:
    for one in a_list(booking.get("ccEmails")):
        email = a_text(one)
        if email:
            yield Person(email=email)


def _hosts(booking: Object, known: Mapping[str, Json]) -> Iterator[Person]:
    for one in map(an_object, a_list(booking.get("hosts"))):
        id_ = a_text(one.get("userId")) or a_text(one.get("id"))
        said = known.get(id_ or "")
        who = {"email": said} if isinstance(said, str) else an_object(said)
        host = Person(
            id=id_,
            email=a_text(one.get("email")) or a_text(who.get("email")),
            full_name=a_text(one.get("name")) or a_text(who.get("name")),
        )
        if host != Person():
            yield host


def _page(booking: Object) -> Page | None:
    page = Page(
        id=a_text(booking.get("eventTypeUid")) or a_text(booking.get("eventTypeId")),
        title=a_text(booking.get("eventTypeName")),
    )
    return page if page != Page() else None


def _answers(booking: Object) -> Iterator[Answer]:
    """The answers; a question has no key but its own words."""
    for one in map(an_object, a_list(booking.get("answers"))):
        question = a_text(one.get("question"))
        values = texts(one.get("content")) or texts(one.get("value"))
        if question and values:
            yield Answer(key=question, label=question, values=values)


def _tracking(booking: Object) -> Iterator[tuple[str, str]]:
    """Where the guest came from; the API's own names go without `utm_`."""
    for name, value in an_object(booking.get("tracking")).items():
        key, text = a_text(name), next(iter(texts(value)), None)
        if key and text:
            yield (f"utm_{key}" if key in UTM else key), text
