"""What the usual questions of a booking form tell of the guest.

Scheduling tools know a name and an address; company, phone number and kana are questions that
each team asks in its own words. Only labels (or keys) that leave no doubt are taken, and only
for what the source did not say itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import attrs

from crmwire.names import split_name
from crmwire.vocabulary import Answer, Person

_ASKED = {
    "phone": "phone, phone number, your phone number, telephone, telephone number, tel, mobile,"
    " mobile phone, mobile number, mobile phone number, cell phone, cell phone number,"
    " attendee phone number, 電話, 電話番号, お電話番号, 携帯, 携帯電話, 携帯番号, 携帯電話番号,"
    " ご連絡先電話番号, 連絡先電話番号",
    "company": "company, company name, your company, organization, organisation,"
    " organization name, organisation name, 会社, 会社名, 御社名, 貴社名, 企業名, 法人名,"
    " 会社名・団体名",
    "title": "job title, your job title, position, 役職, 役職名, 肩書, 肩書き",
    "family_name": "last name, family name, surname, 姓, 苗字, 名字",
    "given_name": "first name, given name, 名",
    "family_kana": "セイ, せい, 姓カナ, 姓かな, 姓フリガナ, 姓ふりがな, 姓 セイ",
    "given_kana": "メイ, めい, 名カナ, 名かな, 名フリガナ, 名ふりがな, 名 メイ",
    "kana": "フリガナ, ふりがな, カナ, かな, 氏名カナ, 氏名かな, 氏名フリガナ, 氏名ふりがな,"
    " 名前カナ, 名前フリガナ, 名前ふりがな, お名前カナ, お名前かな, お名前フリガナ,"
    " お名前ふりがな, ご氏名フリガナ",
}


def _plain(label: str) -> str:
    """The label without width, case, spaces, punctuation, and the remark that it must be told."""
    text = unicodedata.normalize("NFKC", label).casefold()
    text = re.sub(r"必須|任意|\((required|optional)\)", "", text)
    return re.sub(r"[\W_]+", "", text)


_FIELDS = {_plain(label): field for field, labels in _ASKED.items() for label in labels.split(",")}


def with_answers(person: Person, answers: Iterable[Answer]) -> Person:
    """The person, with what the answers to well-known questions add."""
    found: dict[str, str] = {}
    for answer in answers:
        asked = (answer.label, answer.key)
        field = next((_FIELDS[_plain(one)] for one in asked if one and _plain(one) in _FIELDS), "")
        if field and answer.values:
            found.setdefault(field, answer.values[0])
    if kana := found.pop("kana", ""):
        given, family = split_name(kana)
        found = {"family_kana": family, "given_kana": given} | found
    new = {name: value for name, value in found.items() if value and not getattr(person, name)}
    if person.full_name and not (new.keys() >= {"family_name", "given_name"}):
        # One part alone beside a full name would leave the other to be guessed twice.
        new = {name: value for name, value in new.items() if not name.endswith("_name")}
    return attrs.evolve(person, **new) if new else person
