"""The questions that guests answer, kept so that mapping rows can be offered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from crmwire.cli.commands import cli
from crmwire.cli.questions import expression
from crmwire.cli.state import State
from crmwire.expressions import compile_expression
from crmwire.expressions.values import plain
from crmwire.store import Question
from crmwire.vocabulary import Answer, Details

Opens = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def scene(toy: Opens, tmp_path: Path) -> Iterator[Any]:
    with toy(tmp_path) as opened:
        yield opened


def answered(scene: Any, uid: str, *answers: Answer, page: str = "7", minute: int = 1) -> None:
    event = scene.event("created", uid, minute, page=page)
    scene.accept(attrs.evolve(event, details=attrs.evolve(event.details, answers=answers)))


def said(*words: str) -> str:
    done = CliRunner().invoke(cli, ["fields", *words], obj=State(), standalone_mode=False)
    return str(done.output)


TOPIC = Answer(key="topic", label="What about?", type="text", values=("Engines",))


def test_questions_are_listed_by_page(scene: Any) -> None:
    answered(scene, "a", TOPIC, Answer(key="size", values=("3",)))
    answered(scene, "b", Answer(key="topic", values=("Looms",)), page="7")
    answered(scene, "c", Answer(key="other", values=("x",)), page="8")
    found = scene.app.store.questions(scene.feed, "7")
    assert [(one.key, one.label, one.type, one.seen) for one in found] == [
        ("topic", "What about?", "text", 2),
        ("size", None, None, 1),
    ]
    assert {one.page for one in scene.app.store.questions(scene.feed)} == {"7", "8"}


def test_answers_themselves_are_not_kept_with_the_questions(scene: Any) -> None:
    answered(scene, "a", TOPIC)
    assert "Engines" not in repr(scene.app.store.questions(scene.feed))


def test_the_command_offers_rows(scene: Any) -> None:
    answered(scene, "a", TOPIC)
    text = said("cal", "7")
    assert "What about?" in text
    assert "{{ answers['topic'] }}" in text
    (one,) = json.loads(said("cal", "7", "--json"))
    assert one["expression"] == "{{ answers['topic'] }}"
    assert one["label"] == "What about?"


def test_a_page_without_answers_says_where_there_are_some(scene: Any) -> None:
    assert "No answer came in on cal yet" in said("cal")
    answered(scene, "a", TOPIC)
    text = said("cal", "9")
    assert "page 9 of cal" in text
    assert "There are answers on 7." in text


def test_the_other_form_of_the_command_stays(scene: Any) -> None:
    done = CliRunner().invoke(cli, ["fields", "crm"], obj=State(), standalone_mode=True)
    assert done.exit_code != 0
    assert "Say of which type" in done.output


def test_a_plugin_that_lists_no_fields_is_told_from_a_type_that_is_not_there(scene: Any) -> None:
    """The toy CRM has no `list_fields`."""
    done = CliRunner().invoke(cli, ["fields", "crm", "contacts"], obj=State())
    assert done.exit_code == 2
    assert "The plugin for Toy CRM cannot list fields." in done.output


def test_a_name_of_nothing_tells_feeds_and_connections(scene: Any) -> None:
    done = CliRunner().invoke(cli, ["fields", "callendar", "7"], obj=State())
    assert done.exit_code == 2
    assert "no connection or feed 'callendar'. There are: crm, cal." in done.output


def test_a_source_that_makes_up_keys_fills_no_store(scene: Any) -> None:
    many = [Answer(key=f"k{number}", values=("x",)) for number in range(400)]
    answered(scene, "a", *many, Answer(key="k" * 5000, values=("x",)))
    assert len(scene.app.store.questions(scene.feed)) == 300


def test_questions_go_with_their_feed(scene: Any) -> None:
    answered(scene, "a", TOPIC)
    scene.app.remove_feed("cal")
    assert scene.app.store.questions(scene.feed) == []


@pytest.mark.parametrize("key", ["topic", "it's", 'say "hi"', "a\\b", "'\"", "会社名"])
def test_the_offered_expression_finds_the_answer(key: str) -> None:
    one = Question(page="", key=key, label=None, type=None, seen=1, last_at=0.0)
    made = compile_expression(expression(one))
    details = plain(Details(answers=(Answer(key=key, values=("yes",)),)))
    assert made({"answers": details["answers"]}) == "yes"
