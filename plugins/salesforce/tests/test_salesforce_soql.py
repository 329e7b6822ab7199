"""SOQL that is written: no value changes what a statement asks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crmwire_salesforce import soql
from crmwire_salesforce.sandbox_app.soql import Among, Compare, Every, Literally, parse

ANY_TEXT = st.text(st.characters(), max_size=60)
TROUBLE = st.text(st.sampled_from("'\\\"\n\r\t\b\f\0%_(){}ux00 aé😀\u2028\ud800"), max_size=30)


@given(st.lists(ANY_TEXT | TROUBLE, min_size=1, max_size=5))
@example(["\\"])
@example(["'"])
@example(["\\'", "') OR (Id != null"])
@example(["\\u0027"])
def test_no_value_changes_the_shape_of_a_statement(values: list[str]) -> None:
    literals = [soql.quoted(value) for value in values]
    text = soql.select(("Id", "Email"), "Contact", soql.among("Email", literals), "IsChild = false")
    read = parse(text)
    assert read.fields == ("Id", "Email")
    assert isinstance(read.where, Every)
    among, flag = read.where.parts
    assert isinstance(among, Among)
    assert [literal.value for literal in among.values] == values
    assert isinstance(flag, Compare)
    assert flag.value == Literally(False)


@given(ANY_TEXT | TROUBLE)
def test_a_literal_is_printable_and_in_one_line(value: str) -> None:
    literal = soql.quoted(value)
    assert literal.splitlines() == [literal]
    literal.encode()


def test_the_usual_characters_stay_as_they_are() -> None:
    assert soql.quoted("Zoë O'Neil <z+a@example.com> 100%") == (
        r"'Zoë O\'Neil <z+a@example.com> 100%'"
    )


def test_a_datetime_stands_without_quotes_in_utc() -> None:
    assert soql.moment(datetime(2027, 1, 4, 15, 0, 0, 999, tzinfo=UTC)) == "2027-01-04T15:00:00Z"


@pytest.mark.parametrize("name", ["", "a b", "Id,Name", "Id)", "1a", "a.", ".a", "a--", "é"])
def test_what_is_no_name_is_known(name: str) -> None:
    assert not soql.is_name(name)


@given(st.lists(st.text("ab", min_size=1, max_size=30), max_size=40))
def test_runs_keep_every_literal_in_order_and_within_the_room(literals: list[str]) -> None:
    runs = list(soql.runs([(literal, literal) for literal in literals], room=50))
    assert [literal for run in runs for literal, _ in run] == literals
    assert all(len(run) == 1 or sum(len(one) + 1 for one, _ in run) <= 50 for run in runs)
