"""The presets from the products' own webhooks to records, where their source plugins are there."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

PLUGINS = Path(__file__).parents[2]
BEFORE = datetime(2026, 11, 1, tzinfo=UTC)


def _body(source: str, name: str, **changed: Any) -> bytes:
    """A webhook as the source's own tests have it, with some members of its data changed."""
    pytest.importorskip(f"crmwire_{source}")
    data = json.loads((PLUGINS / source / "tests/payloads" / f"{name}.json").read_text("utf-8"))
    inner = data.get("data") or data.get("event")
    inner.update(changed)
    return json.dumps(data).encode()


def test_linktimes_webhooks_become_contact_and_meeting(new_scene: Callable[..., Any]) -> None:
    created = _body("linktime", "booking_created")
    scene = new_scene(source="linktime")
    scene.route("linktime", since=BEFORE)
    assert scene.take_in(created) == ["delivered"]
    (contact,), (meeting,) = scene.records("contacts"), scene.records("meetings")
    given, held = contact.properties, meeting.properties
    assert (given["email"], given["firstname"], given["lastname"]) == (
        "gil@example.com",
        "Gil",
        "Penrose",
    )
    assert held["hs_meeting_title"] == "Studio tour: Gil Penrose"
    assert held["hs_meeting_start_time"] == held["hs_timestamp"] == "2026-11-18T16:00:00Z"
    assert held["hs_meeting_end_time"] == "2026-11-18T16:30:00Z"
    assert held["hs_meeting_body"] == "I bring a friend."
    assert held["hs_meeting_outcome"] == "SCHEDULED"
    assert list(scene.linked(meeting, "contacts")) == [contact.id]
    moved = _body("linktime", "booking_rescheduled", id="clx00bk1")
    assert scene.take_in(moved) == ["delivered"] * 2
    assert held["hs_meeting_outcome"] == "RESCHEDULED"
    cancelled = _body("linktime", "booking_cancelled", id="clx00bk1")
    assert scene.take_in(cancelled) == ["delivered"] * 3
    assert held["hs_meeting_outcome"] == "CANCELED"
    assert [len(scene.records(kind)) for kind in ("contacts", "meetings")] == [1, 1]


def test_timerexs_webhooks_become_company_and_contact_once(new_scene: Callable[..., Any]) -> None:
    confirmed = _body("timerex", "event_confirmed")
    scene = new_scene(source="timerex")
    scene.route("timerex", since=BEFORE)
    assert scene.take_in(confirmed) == ["delivered"]
    (company,), (contact,) = scene.records("companies"), scene.records("contacts")
    assert company.properties["name"] == "みどり建設株式会社"
    assert company.properties["domain"] == "example.com"
    given = contact.properties
    assert (given["lastname"], given["firstname"]) == ("川上", "さくら")
    assert given["email"] == "sakura@example.com"
    assert list(scene.linked(contact, "companies")) == [company.id]
    assert scene.records("meetings") == []
    again = _body("timerex", "event_confirmed", id="aa09")
    cancelled = _body("timerex", "event_cancelled")
    assert scene.take_in(again, cancelled) == ["delivered", "delivered", "skipped"]
    assert [len(scene.records(kind)) for kind in ("companies", "contacts")] == [1, 1]
