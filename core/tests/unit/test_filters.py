"""The filters of expressions, one by one."""

from __future__ import annotations

import time
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmwire import filters
from crmwire.expressions import ExpressionError, compile_expression
from crmwire.filters import FILTERS, truncate

START = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)


def run(pipe: str, value: object, **more: object) -> object:
    return compile_expression("{{ options.value | " + pipe + " }}")(
        {"options": {"value": value}, **more}
    )


def error(pipe: str, value: object) -> str:
    with pytest.raises(ExpressionError) as caught:
        run(pipe, value)
    return str(caught.value)


def test_every_filter_is_in_the_table() -> None:
    for name in FILTERS:
        assert f"`{name}" in (filters.__doc__ or "")


def test_every_filter_gives_nothing_of_nothing() -> None:
    arguments = {"truncate": "(3)", "replace": "('a', 'b')", "default": "(none)"}
    for name in FILTERS:
        assert run(name + arguments.get(name, ""), None) is None


def test_a_filter_of_text_refuses_other_kinds() -> None:
    assert "filter upper failed: it takes text, not int" in error("upper", 5)
    assert "it takes a time, not int" in error("local", 5)
    assert "this text is none" in error("iso", "soon")


# ---------------------------------------------------------------- names, domains, phones


def test_name_parts() -> None:
    assert run("given_name", "Ludwig van Beethoven") == "Ludwig"
    assert run("family_name", "山田　太郎") == "山田"
    assert run("given_name", "Prince") is None


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("Ada@Example.COM", "example.com"),
        ("Ada <ada@sales.example.co.jp>", "sales.example.co.jp"),
        ("https://www.example.com/about?x=1", "example.com"),
        ("www.example.com:8080/a@b", "example.com"),
        ("example.com", "example.com"),
        ("ada@gmail.com", None),
        ("ada@yahoo.co.jp", None),
        ("ada@docomo.ne.jp", None),
        ("ada@localhost", None),
        ("ada@127.0.0.1", None),
        ("https://[::1/", None),
        ("no address", None),
        ("", None),
    ],
)
def test_company_domain(address: str, domain: str | None) -> None:
    assert run("company_domain", address) == domain


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("+44 20 7946 0123", None, "+442079460123"),
        ("020 7946 0123", "GB", "+442079460123"),
        ("020 7946 0123", "gb", "+442079460123"),
        ("(212) 555-0100", "US", "+12125550100"),
        ("+1 555 0100", None, "+15550100"),
        ("555-0100", "US", None),
        ("０３－１２３４－５６７８", "JP", "+81312345678"),
        ("020 7946 0123", None, None),
        ("call me", "GB", None),
        ("", "GB", None),
    ],
)
def test_phone(typed: str, region: str | None, number: str | None) -> None:
    assert filters.phone(typed, region) == number


def test_a_phone_uses_the_region_that_core_offers() -> None:
    assert run("phone", "020 7946 0123", phone_region="GB") == "+442079460123"
    assert run("phone('JP')", "03-1234-5678", phone_region="GB") == "+81312345678"
    assert run("phone", "020 7946 0123", phone_region=None) is None


def test_a_region_that_is_none_is_an_error() -> None:
    assert "two letters" in error("phone('Japan')", "03-1234-5678")


# ---------------------------------------------------------------- times


def test_local_writes_the_zone() -> None:
    assert run("local('Europe/Paris')", START) == "2026-11-25 00:30 CET"
    assert run("local", START, zones=["Asia/Tokyo"]) == "2026-11-25 08:30 JST"
    assert run("local('No/Where')", START, zones=["bad", "Asia/Tokyo"]) == "2026-11-25 08:30 JST"
    assert run("local", START) == "2026-11-24 23:30 UTC"
    assert run("local", "2026-11-24T23:30:00Z") == "2026-11-24 23:30 UTC"


def test_summer_time_has_its_own_abbreviation() -> None:
    assert run("local('Europe/Paris')", START.replace(month=7)) == "2026-07-25 01:30 CEST"


def test_a_zone_from_the_event_may_be_no_zone_at_all() -> None:
    for zone in ("", "\0", "/etc/passwd", "../x", "Europe", "x" * 5_000, "Ünknown"):
        assert run("local", START, zones=[zone]) == "2026-11-24 23:30 UTC"


def test_date_is_the_day_in_the_zone() -> None:
    assert run("date", START) == "2026-11-24"
    assert run("date('Asia/Tokyo')", START) == "2026-11-25"
    assert run("date", date(2026, 1, 2)) == run("local", date(2026, 1, 2)) == "2026-01-02"


def test_iso_is_in_utc() -> None:
    there = START.astimezone(timezone(timedelta(hours=9)))
    assert run("iso", there) == "2026-11-24T23:30:00Z"


def test_a_time_without_a_zone_is_refused() -> None:
    assert "no zone" in error("local", datetime(2026, 1, 1))


# ---------------------------------------------------------------- HTML and text


def test_text_of_html() -> None:
    source = "<style>p{}</style><p>Dear&nbsp;Ada,</p><p>one<br>two &lt;3\n three</p><ul><li>a<li>b"
    assert run("text", source) == "Dear Ada,\n\none\ntwo <3 three\n\na\nb"


def test_text_leaves_out_comments_and_scripts() -> None:
    source = "a<!-- > no -->b<SCRIPT>if (1 < 2) no()</script>c<title>no</title>d <e\nf='g'>h</e>"
    assert run("text", source) == "abcd h"


def test_text_keeps_what_is_no_tag() -> None:
    assert run("text", "1 < 2 && 3 > 2 <3 & so <on") == "1 < 2 && 3 > 2 <3 & so <on"


@pytest.mark.parametrize(
    "piece", ["<", "<!--", "<![CDATA[", "<a ", "</", "<!", "&#", "<style>", "<p>"]
)
def test_text_takes_hostile_html_in_its_stride(piece: str) -> None:
    started = time.monotonic()
    filters.text(piece * (256_000 // len(piece)))
    filters.text(f"&#{'1' * 200_000};")
    assert time.monotonic() - started < 5


def test_html_is_escaped() -> None:
    assert run("html", "<b>\"A\" & 'B'</b>") == (
        "&lt;b&gt;&quot;A&quot; &amp; &#x27;B&#x27;&lt;/b&gt;"
    )


@given(st.text(max_size=300))
@settings(deadline=None)
def test_text_takes_back_what_html_escaped(text: str) -> None:
    result = run("html | text", text)
    assert isinstance(result, str)
    assert result.split() == text.split()


def test_plain_changes_of_text() -> None:
    assert run("lower", "ÄB") == "äb"
    assert run("upper", "äb") == "ÄB"
    assert run("trim", "\u3000 a b\n") == "a b"
    assert run("replace('-', '')", "1-2-3") == "123"
    assert "text to look for" in error("replace('', 'x')", "abc")


def test_kana() -> None:
    assert run("kana_full", "ﾔﾏﾀﾞ ﾊﾟﾌﾞﾛ ABC １") == "ヤマダ パブロ ABC １"
    assert run("kana_katakana", "やまだ たろう、ゞ A") == "ヤマダ タロウ、ヾ A"


@pytest.mark.parametrize(
    ("text", "length", "cut"),
    [
        ("abcdef", 3, "abc"),
        ("abc", 3, "abc"),
        ("abc", 0, ""),
        ("a😀b", 2, "a"),
        ("a😀b", 3, "a😀"),
        ("e\u0301x", 1, ""),
        ("ae\u0301x", 2, "a"),
        ("a👩\u200d👩\u200d👧b", 8, "a"),
        ("a👩\u200d👩\u200d👧b", 9, "a👩\u200d👩\u200d👧"),
        ("👍🏽!", 3, ""),
        ("🇫🇷🇯🇵", 4, "🇫🇷"),
        ("🇫🇷🇯🇵", 7, "🇫🇷"),
        ("a\r\nb", 2, "a"),
        ("ｶﾞｷﾞ", 3, "ｶﾞ"),
        ("\u1112\u1161\u11ab", 2, ""),
        ("a\ufe0f1", 1, ""),
    ],
)
def test_truncate_never_splits_a_letter(text: str, length: int, cut: str) -> None:
    assert truncate(text, length) == cut


@given(st.text(alphabet=st.characters() | st.sampled_from("e\u0301👩\u200d🏽🇫🇷ｶﾞ"), max_size=60))
@settings(deadline=None)
def test_truncate_gives_a_beginning_that_fits(text: str) -> None:
    for length in (0, 1, 5, 30, 200):
        cut = truncate(text, length)
        assert cut is not None
        assert text.startswith(cut)
        assert len(cut.encode("utf-16-le", "surrogatepass")) // 2 <= length
        rest = text[len(cut) :]
        assert not rest or not unicodedata.combining(rest[0])


def test_truncate_takes_a_number() -> None:
    assert "number of characters" in error("truncate('3')", "abcdef")
    assert "number of characters" in error("truncate(-3)", "abcdef")


# ---------------------------------------------------------------- lists


def test_lists() -> None:
    assert run("join", ["a", None, "b"]) == "a, b"
    assert run("join(' / ')", ["a", START]) == "a / 2026-11-24 23:30 UTC"
    assert run("first", ["a", "b"]) == "a"
    assert run("last", ["a", "b"]) == "b"
    assert run("first", []) is None
    assert "group of values" in error("join", {"a": 1})


def test_one_answer_alone_counts_as_a_list_of_one() -> None:
    assert run("join", "abc") == run("first", "abc") == run("last", "abc") == "abc"


def test_default_stands_in_for_nothing_only() -> None:
    assert run("default('x')", None) == "x"
    assert run("default('x')", "") == ""
    assert run("default('x')", False) is False
