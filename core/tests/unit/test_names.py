"""Full names taken apart and put together."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nameparser import HumanName

from crmwire.names import family_name, full_name, given_name, split_name


@pytest.mark.parametrize(
    ("full", "given_part", "family_part"),
    [
        ("Ada Lovelace", "Ada", "Lovelace"),
        ("Mary Ann Smith", "Mary Ann", "Smith"),
        ("Ludwig van Beethoven", "Ludwig", "van Beethoven"),
        ("José Ortega y Gasset", "José", "Ortega y Gasset"),
        ("Anna Maria von der Leyen", "Anna Maria", "von der Leyen"),
        ("Juan de la Vega", "Juan", "de la Vega"),
        ("  Ada \t Lovelace ", "Ada", "Lovelace"),
    ],
)
def test_a_western_name_has_the_family_name_last(
    full: str, given_part: str, family_part: str
) -> None:
    assert split_name(full) == (given_part, family_part)


def test_a_comma_puts_the_family_name_first() -> None:
    assert split_name("Lovelace, Ada") == ("Ada", "Lovelace")


def test_titles_and_suffixes_stay_beside_their_neighbours() -> None:
    assert split_name("Dr. Ada Lovelace") == ("Dr. Ada", "Lovelace")
    assert split_name("John Smith Jr.") == ("John", "Smith Jr.")
    assert split_name("John Smith, Jr.") == ("John", "Smith, Jr.")
    assert split_name("Mr. Smith") == ("", "Mr. Smith")


def test_a_japanese_name_has_the_family_name_first() -> None:
    assert split_name("山田 太郎") == ("太郎", "山田")
    assert split_name("山田\u3000太郎") == ("太郎", "山田")
    assert split_name("やまだ たろう") == ("たろう", "やまだ")
    assert split_name("佐々木 Anna") == ("Anna", "佐々木")
    assert split_name("김 철수") == ("철수", "김")


def test_a_japanese_name_without_a_space_is_the_family_name() -> None:
    assert split_name("山田太郎") == ("", "山田太郎")


def test_one_word_is_the_family_name() -> None:
    assert split_name("Prince") == ("", "Prince")
    assert given_name("Prince") is None
    assert family_name("Prince") == "Prince"


def test_an_empty_name_has_no_parts() -> None:
    assert split_name(" \u3000 ") == ("", "")
    assert family_name("") is None


def test_a_full_name_is_put_together_in_the_order_of_its_letters() -> None:
    assert full_name("Ada", "Lovelace") == "Ada Lovelace"
    assert full_name("太郎", "山田") == "山田 太郎"
    assert full_name(None, "Lovelace") == "Lovelace"
    assert full_name(None, None) is None


LETTERS = st.text(max_size=40) | st.text(
    alphabet="ab van de la Jr.,'()\"Dr 山田\u3000-", max_size=60
)


@given(LETTERS)
@settings(deadline=None)
def test_no_letter_of_a_name_is_ever_lost(full: str) -> None:
    name = split_name(full)
    kept = sorted("".join((name.given + name.family).split()))
    letters = sorted("".join(full.split()))
    without_comma = letters.copy()
    if "," in without_comma:
        without_comma.remove(",")
    assert kept in (letters, without_comma)


WORDS = [
    "Ada",
    "GARCÍA",
    "smith",
    "Dr",
    "Sir",
    "van",
    "de",
    "y",
    "Jr",
    "MD",
    "III",
    "J",
    "Ab2",
    "née",
]


@given(st.sampled_from(WORDS) | st.text("abéЖ1", min_size=1, max_size=6), st.sampled_from(WORDS))
@settings(deadline=None)
def test_of_two_words_the_parser_and_the_short_way_say_the_same(first: str, last: str) -> None:
    parsed = HumanName(f"{first} {last}")
    assert split_name(f"{first} {last}").given == (first if parsed.first else "")
