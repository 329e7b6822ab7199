"""Names, companies and lengths: whatever a guest types, Salesforce can take the record."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crmwire.filters import truncate
from crmwire.mapping import load_mapping, load_preset
from crmwire.types import Event, Subject
from crmwire.vocabulary import Booking, Details, Page, Person
from crmwire_salesforce.info import SalesforceMapping
from crmwire_salesforce.sandbox_app.objects import CONTACT, EVENT, LEAD
from crmwire_salesforce.sandbox_app.values import stored

NOW = datetime(2027, 1, 4, 15, tzinfo=UTC)
PRESETS = {
    name: load_mapping(
        load_preset((files("crmwire_salesforce") / "presets" / f"{name}.toml").read_text(), name),
        mapping_class=SalesforceMapping,
        options=options,
    )
    for name, options in {
        "linktime": {},
        "timerex": {"register_activity": True},
        "jicoo": {},
    }.items()
}
SCHEMAS = {"Lead": LEAD, "Contact": CONTACT, "Event": EVENT}
NAMES = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(" \u3000山田太郎😀é\t'\\"),
    max_size=100,
)


@given(name=NAMES, company=st.none() | NAMES)
@example(name="\r", company=" ")
@example(name="\u3000", company=None)
@pytest.mark.parametrize("preset", PRESETS)
def test_a_person_always_has_a_last_name_and_a_lead_a_company(
    preset: str, name: str, company: str | None
) -> None:
    guest = Person(email="ann@example.com", full_name=name, company=company)
    details = Details(
        booking=Booking(start=NOW, end=NOW), guest=guest, page=Page(id="p", title="Intro")
    )
    event = Event(type="booking.created", subject_id="b", occurred_at=NOW, details=details)
    subject = Subject(id=1, feed="f", status="active", version=1, details=details)
    (person,) = (one for one in PRESETS[preset].drafts(event, subject) if one.role == "person")
    for type_, fields in person.fields.items():
        values = {field.name: field.value for field in fields}
        needed = {"LastName", "Company"} if type_ == "Lead" else {"LastName"}
        assert needed <= values.keys()
        for field in needed:
            text = values[field]
            assert isinstance(text, str)
            assert text.strip()
            # Its row says that it may be cut; what is left is never blank, and is taken.
            if preset != "linktime":
                assert next(one.cut for one in fields if one.name == field)
                cut = truncate(text, SCHEMAS[type_].fields[field.lower()].length)
                assert stored(SCHEMAS[type_].fields[field.lower()], cut)


def test_one_name_alone_is_the_last_name() -> None:
    details = Details(guest=Person(email="a@example.com", full_name="山田太郎"))
    details = Details(
        booking=Booking(start=NOW, end=NOW), guest=details.guest, page=Page(id="p", title="x")
    )
    event = Event(type="booking.created", subject_id="b", occurred_at=NOW, details=details)
    subject = Subject(id=1, feed="f", status="active", version=1, details=details)
    person = PRESETS["jicoo"].drafts(event, subject)[0]
    values = {field.name: field.value for field in person.fields["Lead"]}
    assert values["LastName"] == "山田太郎"
    assert "FirstName" not in values


@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=600), cut=st.integers(1, 300)
)
def test_a_text_that_is_cut_fits_and_breaks_no_character(text: str, cut: int) -> None:
    short = truncate(text, cut)
    assert isinstance(short, str)
    assert len(short.encode("utf-16-le")) // 2 <= cut
    assert text.startswith(short.rstrip("…")) or short in text


@given(text=st.text(st.sampled_from("a😀é\u0301👩\u200d👧"), min_size=250, max_size=400))
def test_a_cut_subject_is_taken_by_salesforce(text: str) -> None:
    subject = EVENT.fields["subject"]
    assert stored(subject, truncate(text, subject.length))
