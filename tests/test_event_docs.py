"""The reference of events names every word of the vocabulary, and is up to date."""

from __future__ import annotations

from pathlib import Path

import attrs

from crmwire.testing import eventdocs
from crmwire.vocabulary import EVENT_TYPES, Answer, Booking, Message, Page, Payment, Person, Ticket

ROOT = Path(__file__).parents[1]


def test_the_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "reference" / "events.md").read_text("utf-8")
    told = "run: python -m crmwire.testing.eventdocs plugins > docs/reference/events.md"
    assert page == eventdocs.reference(ROOT / "plugins"), told


def test_every_word_of_the_vocabulary_is_explained() -> None:
    assert set(eventdocs.MEANS) == EVENT_TYPES
    parts: dict[str, type[attrs.AttrsInstance]] = {
        "booking": Booking,
        "page": Page,
        "payment": Payment,
        "ticket": Ticket,
        "message": Message,
        "answers": Answer,
        "guest": Person,
    }
    known = {f"{part}.{name}" for part, kind in parts.items() for name in attrs.fields_dict(kind)}
    assert known <= set(eventdocs.FIELDS)


def test_what_a_source_tells_is_explained() -> None:
    told = eventdocs.told_by(ROOT / "plugins")
    assert {"Cal.com", "Calendly", "Jicoo", "LinkTime", "TimeRex"} <= set(told)
    explained = set(eventdocs.FIELDS) | set(eventdocs.MEANS)
    for title, names in told.items():
        assert names <= explained, title
