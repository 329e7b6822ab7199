"""What a record holds already is not sent again, whatever the type of its attribute."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from typing import Any

import pytest

from crmwire_attio import api
from crmwire_attio.merging import same

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
RECORD = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Ada Byron", " Ada  Byron "),
        ("Ada Byron", {"first_name": "Ada", "last_name": "Byron"}),
        ("ada@example.com", "Ada@Example.com"),
        ("example.com", "https://Example.com/about?x=1"),
        (RECORD, RECORD.upper()),
        ("42", 42),
        (42, "42"),
        (42, 42.0),
        (99.5432, "99.54321"),
        (True, "true"),
        (False, False),
        (date(2027, 3, 1), NOON),
        (date(2027, 3, 1), "2027-03-01"),
        (NOON, "2027-03-01T13:00:00+01:00"),
        (NOON, NOON.replace(microsecond=400)),
        (["A", "B"], ["B", "A"]),
        (["A"], "A"),
        (["A"], ("A",)),
        ({"locality": "London", "region": None}, {"locality": "London"}),
        ({"locality": "London", "country_code": "GB"}, "london, GB"),
    ],
)
def test_value_that_attio_would_keep_as_it_is_is_the_same(old: Any, new: Any) -> None:
    assert same(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Ada Byron", "ada byron"),
        ("one\ntwo", "one two"),
        ("example.com", "https://example.org"),
        (42, "many"),
        (1, True),
        (True, "yes"),
        (date(2027, 3, 1), "soon"),
        (NOON, date(2027, 3, 1)),
        (["A", "B"], ["A"]),
        (["A"], ["A", "B"]),
        ({"locality": "London"}, {"locality": "Paris"}),
        ({"locality": "London", "region": None}, "London, Ontario"),
        ("x", None),
    ],
)
def test_value_that_differs_is_sent(old: Any, new: Any) -> None:
    assert not same(old, new)


TYPES = {
    "seats": ("number", "42"),
    "vip": ("checkbox", "true"),
    "worth": ("currency", "99.50"),
    "born": ("date", "1815-12-10"),
    "seen": ("timestamp", "2027-03-01T12:00:00+01:00"),
    "grade": ("rating", "4"),
    "stage": ("status", "New"),
    "tags": ("select", "New"),
    "site": ("domain", "https://example.com/about"),
    "note_to_self": ("text", "42"),
}
"""Attributes by slug, each with its type and the text that the mapping writes."""


def test_known_person_with_attributes_of_every_type_costs_no_write(notes: Any) -> None:
    """The first booking writes them all; the second finds them as they should be."""
    for slug, (type_, _) in TYPES.items():
        options = ["New", "Old"] if type_ in ("status", "select") else []
        notes.admin(
            "add_attribute",
            object="people",
            slug=slug,
            type=type_,
            multi=slug == "tags",
            options=options,
        )
    app = notes.stage.app
    conn = app.openings.connection(app.store.connection("attio"))
    mapping = tomllib.loads(conn.hooks.presets()["linktime"])
    fields = mapping["person"]["fields"]["people"]
    fields |= {slug: {"value": text, "write": "always"} for slug, (_, text) in TYPES.items()}
    fields["job_title"] = "Guest"  # if empty: so that people are looked up
    app.remove_route(app.store.routes()[0].name)
    app.add_route(feed="feed", connection="attio", preset="linktime", mapping=mapping)
    notes.linktime()
    [person] = notes.records("people")
    assert all(person.values[slug] for slug in TYPES)
    before = notes.count
    notes.linktime(id="clx7000000002", at=1)
    assert notes.calls(before) == ["POST /v2/objects/people/records/query", "POST /v2/notes"]


def test_one_attribute_that_differs_is_sent_alone(notes: Any) -> None:
    app = notes.stage.app
    conn = app.openings.connection(app.store.connection("attio"))
    mapping = tomllib.loads(conn.hooks.presets()["linktime"])
    mapping["person"]["fields"]["people"]["job_title"] = "Guest"
    app.remove_route(app.store.routes()[0].name)
    app.add_route(feed="feed", connection="attio", preset="linktime", mapping=mapping)
    notes.linktime()
    [person] = notes.records("people")
    before = notes.count
    invitee = {"name": "Ada Lovelace", "email": "ada@example.com", "timezone": "Europe/London"}
    notes.linktime(id="clx7000000002", at=1, invitee=invitee)
    [change] = [one for one in notes.stage.calls("attio")[before:] if one["method"] == "PATCH"]
    assert change["path"] == f"/v2/objects/people/records/{person.id}"
    assert change["body"].count("Lovelace") == 2
    assert "email_addresses" not in change["body"]
    assert api.UUID.fullmatch(person.id)
