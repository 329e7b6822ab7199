"""What a TimeRex event tells, in crmwire's vocabulary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from crmwire.answers import with_answers
from crmwire.reading import Object, a_list, a_text, a_time, a_web_address, an_object, texts
from crmwire.vocabulary import Answer, Booking, Details, Page, Person

GUEST_FIELDS = {
    "guest_name": "full_name",
    "guest_email": "email",
    "guest_phone": "phone",
    "company_name": "company",
}
"""Form fields whose type says what of the guest they are.

`guest_phone` is in no document; a public integration's notes of true webhooks name it.
"""
COMMENT = "guest_comment"

MEETINGS = ("zoom_meeting", "google_meet_meeting", "microsoft_teams_meeting")


def details(body: Object, event: Object) -> Details:
    """All that a webhook says; `body` names the calendar, `event` is what was booked in it."""
    form = [an_object(field) for field in a_list(event.get("form"))]
    answers = tuple(_answers(form))
    guest = with_answers(_guest(event, form), answers)
    return Details(
        booking=_booking(body, event, form),
        guest=guest if guest != Person() else None,
        hosts=tuple(_hosts(event)),
        page=_page(body, event),
        answers=answers,
        tracking=dict(_tracking(event.get("url_params"))),
    )


def _booking(body: Object, event: Object, form: list[Object]) -> Booking:
    meetings = (an_object(event.get(name)) for name in MEETINGS)
    links = (a_web_address(meeting.get("join_url")) for meeting in meetings)
    return Booking(
        title=a_text(body.get("calendar_name")),
        start=a_time(event.get("start_datetime")),
        end=a_time(event.get("end_datetime")),
        # The calendar's zone; the guest's own is not told.
        timezone=a_text(event.get("calendar_timezone")),
        notes=_field(form, COMMENT),
        location=a_text(event.get("location")),
        join_url=next((link for link in links if link), None),
        reason=a_text(event.get("cancellation_reason")),
        url=a_web_address(event.get("guest_reschedule_url")),
    )


def _field(form: list[Object], type_: str) -> str | None:
    found = (texts(field.get("value")) for field in form if field.get("field_type") == type_)
    return next((values[0] for values in found if values), None)


def _guest(event: Object, form: list[Object]) -> Person:
    told = {name: _field(form, type_) for type_, name in GUEST_FIELDS.items()}
    return attrs.evolve(Person(locale=a_text(event.get("guest_locale"))), **told)


def _hosts(event: Object) -> Iterator[Person]:
    for one in map(an_object, a_list(event.get("hosts"))):
        host = Person(email=a_text(one.get("email")), full_name=a_text(one.get("name")))
        if host != Person():
            yield host


def _page(body: Object, event: Object) -> Page | None:
    path = a_text(body.get("calendar_url_path")) or a_text(event.get("calendar_url_path"))
    page = Page(id=path, title=a_text(body.get("calendar_name")))
    return page if page != Page() else None


def _answers(form: list[Object]) -> Iterator[Answer]:
    """The form's answers; TimeRex's own fields have a type of their own as key, others a label."""
    types = [a_text(field.get("field_type")) for field in form]
    for type_, field in zip(types, form, strict=True):
        label, values = a_text(field.get("label")), texts(field.get("value"))
        own = type_ is not None and (type_ in GUEST_FIELDS or type_ == COMMENT)
        key = type_ if own else label or type_
        if key and values:
            yield Answer(key=key, label=label, type=type_, values=values)


def _tracking(params: object) -> Iterator[tuple[str, str]]:
    """Parameters of the booking link: UTM, and ids of records (a list of objects of one key)."""
    for one in [params] if isinstance(params, Mapping) else a_list(params):
        for name, value in an_object(one).items():
            key, text = a_text(name), next(iter(texts(value)), None)
            if key and text:
                yield key, text
