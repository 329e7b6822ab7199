"""Values on their way to and from HubSpot."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmwire.errors import Rejected
from crmwire.types import Ref, Value
from crmwire_hubspot.values import as_property, domain_key, read_instant


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (2.5, "2.5"),
        (None, ""),
        (date(2026, 11, 24), "2026-11-24"),
        (datetime(2026, 11, 24, 9, tzinfo=UTC), "2026-11-24T09:00:00Z"),
        (
            datetime(2026, 11, 24, 18, 0, 0, 650_000, tzinfo=timezone(timedelta(hours=9))),
            "2026-11-24T09:00:00.650Z",
        ),
        (["a", "b"], "a;b"),
    ],
)
def test_values_become_texts(value: Value, text: str) -> None:
    assert as_property("x", value) == text


def test_list_values_can_join_what_is_there() -> None:
    assert as_property("x", ["a", "b"], add=True) == ";a;b"
    assert as_property("x", "a", add=True) == ";a"


@pytest.mark.parametrize("value", [{"a": 1}, Ref(write="p"), [{"a": 1}]])
def test_what_no_property_holds_is_rejected_by_name(value: Value) -> None:
    with pytest.raises(Rejected) as raised:
        as_property("x", value)
    assert raised.value.fields == ("x",)


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1)))
def test_instants_come_back_to_the_millisecond(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    back = read_instant(as_property("x", moment))
    assert back is not None
    assert abs(back - moment) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-03T09:00:00Z", datetime(2026, 5, 3, 9, tzinfo=UTC)),
        ("1651568400000", datetime(2022, 5, 3, 9, tzinfo=UTC)),
        (1651568400000, datetime(2022, 5, 3, 9, tzinfo=UTC)),
        ("", None),
        ("soon", None),
        ("9" * 30, None),
        (None, None),
    ],
)
def test_both_forms_of_instants_are_read(text: object, moment: datetime | None) -> None:
    assert read_instant(text) == moment


@pytest.mark.parametrize(
    "text",
    ["acme.example", "https://www.Acme.example/about", "www.acme.example ", "http://acme.example"],
)
def test_domains_are_compared_bare(text: str) -> None:
    assert domain_key(text) == "acme.example"
