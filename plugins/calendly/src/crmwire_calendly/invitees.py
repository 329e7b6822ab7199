"""What an invitee tells, in crmwire's vocabulary. Webhooks and the API show the same object."""

from __future__ import annotations

from collections.abc import Iterator

from crmwire.answers import with_answers
from crmwire.reading import Object, a_list, a_text, a_time, a_web_address, an_object, texts
from crmwire.vocabulary import Answer, Booking, Details, Page, Payment, Person

NOTES_QUESTION = "please share anything that will help prepare for our meeting"
"""The question that Calendly puts on each new event type."""

SIDES = {"host": "host", "invitee": "guest"}


def last_part(uri: object) -> str | None:
    """The id at the end of a Calendly address."""
    text = a_text(uri)
    return (text.rstrip("/").rpartition("/")[2] or None) if text else None


def details(invitee: Object, meeting: Object) -> Details:
    """All that is known of an invitee and the scheduled event that they are invited to."""
    answers = tuple(_answers(invitee))
    guest = with_answers(_guest(invitee), answers)
    return Details(
        booking=_booking(invitee, meeting, answers),
        guest=guest if guest != Person() else None,
        guests=tuple(_others(meeting)),
        hosts=tuple(_hosts(meeting)),
        page=_page(meeting),
        answers=answers,
        tracking=dict(_tracking(invitee)),
        payment=_payment(an_object(invitee.get("payment"))),
    )


def _booking(invitee: Object, meeting: Object, answers: tuple[Answer, ...]) -> Booking:
    cancellation = an_object(invitee.get("cancellation"))
    place = an_object(meeting.get("location"))
    location = a_text(place.get("location"))
    asked = (answer for answer in answers if _is_notes(answer.label))
    return Booking(
        title=a_text(meeting.get("name")),
        start=a_time(meeting.get("start_time")),
        end=a_time(meeting.get("end_time")),
        timezone=a_text(invitee.get("timezone")),
        notes=next((answer.values[0] for answer in asked), None),
        location=location,
        join_url=a_web_address(place.get("join_url")) or a_web_address(location),
        reason=a_text(cancellation.get("reason")),
        by=_by(cancellation),
        url=a_web_address(invitee.get("reschedule_url")),
    )


def _is_notes(label: str | None) -> bool:
    return (label or "").strip(" .").lower() == NOTES_QUESTION


def _by(cancellation: Object) -> str | None:
    kind = a_text(cancellation.get("canceler_type"))
    return SIDES.get(kind or "", kind) or a_text(cancellation.get("canceled_by"))


def _guest(invitee: Object) -> Person:
    return Person(
        email=a_text(invitee.get("email")),
        full_name=a_text(invitee.get("name")),
        given_name=a_text(invitee.get("first_name")),
        family_name=a_text(invitee.get("last_name")),
        phone=a_text(invitee.get("text_reminder_number")),
        timezone=a_text(invitee.get("timezone")),
    )


def _others(meeting: Object) -> Iterator[Person]:
    for one in map(an_object, a_list(meeting.get("event_guests"))):
        email = a_text(one.get("email"))
        if email:
            yield Person(email=email)


def _hosts(meeting: Object) -> Iterator[Person]:
    for one in map(an_object, a_list(meeting.get("event_memberships"))):
        host = Person(
            id=last_part(one.get("user")),
            email=a_text(one.get("user_email")),
            full_name=a_text(one.get("user_name")),
        )
        if host != Person():
            yield host


def _page(meeting: Object) -> Page | None:
    """The event type; a meeting that a host made up for one guest has none."""
    page = Page(id=last_part(meeting.get("event_type")), title=a_text(meeting.get("name")))
    return page if page != Page() else None


def _answers(invitee: Object) -> Iterator[Answer]:
    """The answers in the form's order; Calendly gives a question no key but its own words."""
    given = [an_object(one) for one in a_list(invitee.get("questions_and_answers"))]
    for one in sorted(given, key=_position):
        question, values = a_text(one.get("question")), texts(one.get("answer"))
        if question and values:
            yield Answer(key=question, label=question, values=values)


def _position(answer: Object) -> float:
    position = answer.get("position")
    return float(position) if isinstance(position, int) and abs(position) < 10**6 else 10.0**6


def _tracking(invitee: Object) -> Iterator[tuple[str, str]]:
    """UTM parameters, and `salesforce_uuid`: the record that the booking link names."""
    for name, value in an_object(invitee.get("tracking")).items():
        key, text = a_text(name), a_text(value)
        if key and text:
            yield key, text


def _payment(payment: Object) -> Payment | None:
    amount, successful = payment.get("amount"), payment.get("successful")
    made = Payment(
        amount=next(iter(texts(amount)), None) if not isinstance(amount, bool) else None,
        currency=a_text(payment.get("currency")),
        status=("paid" if successful else "failed") if isinstance(successful, bool) else None,
    )
    return made if made != Payment() else None
