"""Reading JSON of which every part may be missing or of another type."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crmwire import UnreadableWebhook
from crmwire.reading import (
    a_list,
    a_text,
    a_time,
    a_web_address,
    an_id,
    an_object,
    json_object,
    required_object,
    required_text,
    required_time,
    texts,
)

NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.mark.parametrize("body", [b"", b"\xff", b"[", b"[" * 100_000, b"1" * 9999, b"a=1"])
def test_what_is_not_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableWebhook, match=r"is not JSON|but no object") as caught:
        json_object(body, "Send JSON.")
    assert caught.value.remedy == "Send JSON."


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"7"])
def test_json_that_is_no_object_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableWebhook, match="but no object"):
        json_object(body)


def test_what_is_of_another_type_counts_as_not_there() -> None:
    for odd in (None, 5, True, 1.5, [], {}):
        assert a_text(odd) is None
        assert a_time(odd) is None
        assert a_web_address(odd) is None
    assert an_object([1]) == {}
    assert a_list({"a": 1}) == ()


def test_texts_are_stripped_and_can_be_stored() -> None:
    assert a_text("  a\u3000") == "a"
    assert a_text(" ") is None
    assert a_text("a\ud800b") == "a\ufffdb"


def test_an_id_may_be_a_number() -> None:
    assert an_id(310) == "310"
    assert an_id(" a ") == "a"
    for odd in (True, 1.5, None, 10**5000):
        assert an_id(odd) is None


@pytest.mark.parametrize(
    "text", ["2026-11-24T09:00:00Z", "2026-11-24T18:00:00+09:00", "2026-11-24T09:00:00.000"]
)
def test_times_are_in_utc(text: str) -> None:
    assert a_time(text) == NINE
    made = a_time(text)
    assert made is not None
    assert made.tzinfo is UTC


@pytest.mark.parametrize("text", ["soon", "2026-13-45", "0001-01-01T00:00:00+14:00", ""])
def test_what_is_no_time_is_none(text: str) -> None:
    assert a_time(text) is None


def test_only_http_addresses_are_links() -> None:
    assert a_web_address(" https://example.com/a ") == "https://example.com/a"
    assert a_web_address("HTTP://example.com") == "HTTP://example.com"
    assert a_web_address("javascript:alert(1)") is None


def test_the_texts_of_an_answer_are_those_of_its_values() -> None:
    assert texts("a") == ("a",)
    assert texts(["a", 5, True, None, "", 1.5, ["deep"], {}]) == ("a", "5", "true", "1.5")
    assert texts(False) == ("false",)
    assert texts(None) == texts({}) == texts("") == ()


def test_what_is_needed_is_named_with_its_place() -> None:
    where = {"a": 5, "t": "soon", "o": []}
    with pytest.raises(UnreadableWebhook, match=r"\$\.x\.a is missing, or no text"):
        required_text(where, "a", "$.x")
    with pytest.raises(UnreadableWebhook, match=r"\$\.t is missing, or no ISO 8601 time"):
        required_time(where, "t")
    with pytest.raises(UnreadableWebhook, match=r"\$\.o is missing, or no object"):
        required_object(where, "o")
    good = {"a": "b", "t": "2026-11-24T09:00:00Z", "o": {"c": 1}}
    assert required_text(good, "a") == "b"
    assert required_time(good, "t") == NINE
    assert required_object(good, "o") == {"c": 1}
