"""What people type — names, numbers, texts — from a source's webhook to a CRM's fields."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crmwire.demo.bookings import SampleBooking
from crmwire.testing.stage import Stage, stage

PAYLOADS = Path(__file__).parents[2] / "plugins" / "timerex" / "tests" / "payloads"
RTL = "שלום, 我々は مرحبا"
FAMILY = "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET}"


def record(made: Stage, id_: str) -> dict[str, Any]:
    sandbox = made.sandboxes["sales"]
    account = next(iter(sandbox.accounts.values()))
    return dict(asyncio.run(sandbox.admin(account, "get_record", {"id": id_})))


def carried(made: Stage, **booking: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The contact and the event of a booking of that guest."""
    body = SampleBooking(uid="bk-1", email="guest@example.com", **booking)
    made.send(body.created(datetime.now(UTC) + timedelta(seconds=1)))
    made.settle()
    assert [row.state for row in made.rows()] == ["delivered"], made.rows()[0].reason
    (person,) = made.people("sales")
    (entry,) = person.entries
    return record(made, person.id), record(made, entry.id)


@pytest.fixture
def sales(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path, {"sales": "salesforce"}) as made:
        yield made


@pytest.mark.parametrize(
    ("typed", "given", "family"),
    [
        ("Grace Brewster Hopper", "Grace Brewster", "Hopper"),
        ("Ludwig van Beethoven", "Ludwig", "van Beethoven"),
        ("Plato", None, "Plato"),
        ("山田　太郎", "太郎", "山田"),
        ("山田 太郎", "太郎", "山田"),
        ("山田太郎", None, "山田太郎"),
        (f"Sally {FAMILY} Ride", f"Sally {FAMILY}", "Ride"),
        ("שרה לוי", "שרה", "לוי"),
    ],
)
def test_a_name_as_one_text_is_split_as_its_language_does(
    sales: Stage, typed: str, given: str | None, family: str
) -> None:
    contact, event = carried(sales, name=typed)
    assert (contact["FirstName"], contact["LastName"]) == (given, family)
    assert typed in event["Subject"]


def test_emoji_and_letters_from_right_to_left_stand_as_they_were_typed(sales: Stage) -> None:
    _, event = carried(sales, name="Ada Byron", notes=f"{RTL} {FAMILY} 🇯🇵 ｶﾞ")
    assert event["Description"] == f"{RTL} {FAMILY} 🇯🇵 ｶﾞ"


def test_what_is_longer_than_its_field_is_cut_and_no_letter_broken(sales: Stage) -> None:
    contact, event = carried(sales, name=f"{'A' * 60} {'é' * 79}{FAMILY}")
    assert contact["FirstName"] == "A" * 40
    assert contact["LastName"] == "é" * 79
    assert len(event["Subject"].encode("utf-16-le")) // 2 <= 255


def test_kana_and_numbers_of_full_width_are_what_the_route_says(tmp_path: Path) -> None:
    settings = {"phone_region": "JP"}
    text = (PAYLOADS / "event_confirmed.json").read_text("utf-8").replace("2026-11-", "2027-11-")
    with stage(
        tmp_path, {"sales": "salesforce"}, source="timerex", preset="timerex", settings=settings
    ) as made:
        made.app.remove_route("feed-sales")
        kana = {
            "FirstName": "{{ guest.given_kana | kana_katakana }}",
            "LastName": "{{ guest.family_kana | kana_full }}",
            "Title": "{{ guest.phone_raw }}",
        }
        made.app.add_route(
            feed="feed", connection="sales", preset="timerex", rows={"person": {"Lead": kana}}
        )
        made.send(text.encode())
        made.settle()
        (person,) = made.people("sales")
        lead = record(made, person.id)
    assert (lead["LastName"], lead["FirstName"]) == ("カワカミ", "サクラ")
    assert (lead["Phone"], lead["Title"]) == ("+81312345678", "０３－１２３４－５６７８")
    assert lead["Company"] == "みどり建設株式会社"


def test_html_is_written_as_text(sales: Stage) -> None:
    sales.app.remove_route("feed-sales")
    rows = {"activity": {"Description": "{{ booking.notes | text }}"}}
    sales.app.add_route(feed="feed", connection="sales", preset="linktime", rows=rows)
    _, event = carried(sales, name="Ada", notes="<p>One &amp; <b>two</b></p><p>three</p>")
    assert event["Description"].split() == ["One", "&", "two", "three"]


def test_the_parts_that_a_form_asks_for_come_before_the_whole(sales: Stage) -> None:
    body = json.loads(
        SampleBooking(uid="bk-1", email="g@example.com", name="Whole Name").created(
            datetime.now(UTC) + timedelta(seconds=1)
        )
    )
    body["payload"]["attendees"][0].update(firstName="Mary Ann", lastName="de la Cruz")
    sales.send(json.dumps(body).encode())
    sales.settle()
    (person,) = sales.people("sales")
    contact = record(sales, person.id)
    assert (contact["FirstName"], contact["LastName"]) == ("Mary Ann", "de la Cruz")
