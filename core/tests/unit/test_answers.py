"""What the usual questions of a form tell of the guest."""

from __future__ import annotations

import pytest

from crmwire.answers import with_answers
from crmwire.vocabulary import Answer, Person


def told(person: Person | None = None, /, **by_label: str) -> Person:
    answers = [
        Answer(key=str(number), label=label, values=(value,))
        for number, (label, value) in enumerate(by_label.items())
    ]
    return with_answers(person or Person(email="a@example.com"), answers)


@pytest.mark.parametrize(
    ("label", "field"),
    [
        ("Company", "company"),
        ("company name (required)", "company"),
        ("会社名 ※必須", "company"),
        ("Phone Number:", "phone"),
        ("【電話番号】", "phone"),
        ("Job title", "title"),
        ("役職", "title"),
        ("姓（カナ）", "family_kana"),
        ("メイ", "given_kana"),
        ("ﾌﾘｶﾞﾅ", "family_kana"),
    ],
)
def test_usual_questions_are_known_in_any_spelling(label: str, field: str) -> None:
    assert getattr(told(**{label: "ア"}), field) == "ア"


@pytest.mark.parametrize(
    "label",
    ["Which company are you looking for?", "Title", "Phone or mail?", "名前", "Company size", ""],
)
def test_a_question_that_leaves_a_doubt_is_not_taken(label: str) -> None:
    assert told(**{label: "x"}) == Person(email="a@example.com")


def test_the_key_will_do_where_the_label_says_nothing() -> None:
    answer = Answer(key="attendeePhoneNumber", label="phone_q", values=("+44 20 7946 0100",))
    assert with_answers(Person(), [answer]).phone == "+44 20 7946 0100"


def test_what_the_source_said_itself_stays() -> None:
    person = Person(company="Known Ltd", phone="1")
    assert told(person, Company="Other", Phone="2", Position="CTO") == Person(
        company="Known Ltd", phone="1", title="CTO"
    )


def test_a_kana_name_in_one_field_is_split_and_parts_come_first() -> None:
    assert (
        told(フリガナ="ヤマダ　タロウ").family_kana,
        told(フリガナ="ヤマダ　タロウ").given_kana,
    ) == (
        "ヤマダ",
        "タロウ",
    )
    assert told(フリガナ="ヤマダタロウ").given_kana is None
    assert told(フリガナ="ヤマダ タロウ", メイ="ジロウ").given_kana == "ジロウ"


def test_name_parts_count_beside_a_full_name_only_together() -> None:
    full = Person(full_name="山田 太郎")
    assert told(full, 姓="山田") == full
    both = told(full, 姓="山田", 名="太郎")
    assert (both.family_name, both.given_name) == ("山田", "太郎")
    assert told(姓="山田").family_name == "山田"


def test_the_first_of_several_answers_counts() -> None:
    answers = [Answer(key="a", label="Phone"), Answer(key="b", label="Tel", values=("1", "2"))]
    answers.append(Answer(key="c", label="Mobile", values=("3",)))
    assert with_answers(Person(), answers).phone == "1"
