"""The mutation program: what it changes, what it leaves, and that a mutant is another program."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from mutation import areas, sql
from mutation.__main__ import EQUIVALENT
from mutation.mutants import Mutant, mutants
from mutation.tracing import Traced

MODULE = '''
"""A text."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
from typing import Any

LIMIT = 3
Fate = Literal['a', 'b']


@some(thing=True)
def taken(number: int, text: str = "word") -> str | None:
    """Another."""
    assert number != 7
    if number < LIMIT and not text:
        raise ValueError(f"{number} is not enough, says {text}")
    return text.lower() if number else None
'''


def told(text: str) -> list[str]:
    return [one.told for one in mutants("m", "m.py", text)]


def test_each_place_is_changed_once_and_texts_for_people_never() -> None:
    assert told(MODULE) == [
        "3 -> 4",
        "'word' -> another word",
        "number < LIMIT and (not text): And -> Or",
        "number < LIMIT -> number <= LIMIT",
        "not text: without not",
        "raise ValueError(f'{number} is not enough, says {text}'): left out",
        "return text.lower() if number else None: returns None",
        "text.lower() if number else None: negated",
    ]


def test_a_mutant_is_the_module_with_one_thing_changed_and_leaves_no_trace() -> None:
    made = {one.told: one for one in mutants("m", "m.py", "def f(a, b):\n    return a < b\n")}
    found = {name: run(one)(1, 1) for name, one in made.items()}
    assert found == {"return a < b: returns None": None, "a < b -> a <= b": True}
    assert run(made["a < b -> a <= b"])(2, 1) is False
    assert {one.id for one in made.values()} == {
        "m f: return a < b: returns None",
        "m f: a < b -> a <= b",
    }


def run(mutant: Mutant) -> Any:
    names: dict[str, Any] = {}
    exec(mutant.code(), names)
    return names["f"]


def test_two_places_that_look_alike_have_names_of_their_own() -> None:
    ids = [one.id for one in mutants("m", "m.py", "a = 1\nb = 1\n")]
    assert ids == ["m (module): 1 -> 2", "m (module): 1 -> 2 #1"]


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("UPDATE t SET a = ?, b = b + 1 WHERE c = ?", ["+", "1", "="]),
        ("SELECT x FROM t WHERE a BETWEEN 1 AND 2 AND b IS NOT NULL", ["1", "2", "AND", "IS NOT"]),
        (" AND a >= ? ORDER BY b DESC LIMIT 1", ["AND", ">=", "DESC", "1"]),
        ("SELECT 'a AND 1' FROM t", []),
    ],
)
def test_sql_is_changed_where_it_decides(text: str, changes: list[str]) -> None:
    assert sql.is_sql(text)
    assert [
        one.removeprefix("SQL ").partition(" -> ")[0] for one, _ in sql.changed(text)
    ] == changes
    assert all(new != text for _, new in sql.changed(text))


def test_the_schema_and_texts_for_people_are_no_sql() -> None:
    assert not sql.is_sql("CREATE TABLE t (x NOT NULL, y INTEGER DEFAULT 1)")
    assert not sql.is_sql("the record is set")


def test_a_mutant_meets_the_quickest_tests_of_its_line_and_none_that_take_long() -> None:
    traced = Traced(
        seconds={"a": 3.0, "b": 0.1, "c": 0.2, "slow": 9.0},
        lines={"m.py": {0: ["a", "b", "c", "slow"], 5: ["a", "b", "slow"], 6: ["slow"]}},
    )
    assert traced.tests(Path("m.py"), 5, 20.0) == ["b", "a"]
    assert traced.tests(Path("m.py"), 5, 2.0) == ["b"]
    assert traced.tests(Path("m.py"), 6, 20.0) == []
    assert traced.tests(Path("m.py"), 9, 20.0) == ["b", "c", "a"]
    assert traced.tests(Path("other.py"), 5, 20.0) == []


def test_what_is_said_to_change_nothing_is_a_mutant_that_there_is() -> None:
    said = tomllib.loads(EQUIVALENT.read_text())
    for area, reasons in said.items():
        if not reasons:
            continue
        there = {
            one.id
            for path in areas.files(area)
            for one in mutants(areas.module_of(path), str(path), path.read_text())
        }
        assert set(reasons) <= there
