"""From an event to a record: the preset, through the whole of crmwire."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from crmwire.testing.samples import START, event
from crmwire.testing.stage import Stage, stage


def happen(scene: Stage, verb: str) -> None:
    scene.tell(event(verb, at=scene.app.clock.now()))
    scene.settle()
    assert [row.reason for row in scene.rows("held")] == []


def test_a_booking_is_one_meeting_that_moves_and_is_cancelled(tmp_path: Path) -> None:
    with stage(tmp_path, {"crm": "acme"}, source=None) as scene:
        happen(scene, "created")
        [person] = scene.people("crm")
        assert (person.name, person.email) == ("Ada Example", "ada@example.com")
        assert person.fields["phone"] == "+442079460101"
        [meeting] = person.entries
        assert meeting.title == "Introduction: Ada Example"
        assert (meeting.start, meeting.status) == (START.isoformat(), "planned")

        happen(scene, "rescheduled")
        [moved] = scene.people("crm")[0].entries
        assert (moved.id, moved.status) == (meeting.id, "moved")
        assert moved.start == (START + timedelta(days=1)).isoformat()

        happen(scene, "cancelled")
        [cancelled] = scene.people("crm")[0].entries
        assert (cancelled.id, cancelled.status) == (meeting.id, "cancelled")


def test_a_new_booking_costs_few_calls(tmp_path: Path) -> None:
    with stage(tmp_path, {"crm": "acme"}, source=None) as scene:
        happen(scene, "created")
        calls = [call["path"] for call in scene.calls("crm") if "/v1/" in call["path"]]
        searches = [path for path in calls if path.endswith("/search")]
        assert sorted(set(searches)) == ["/v1/people/search", "/v1/users/search"]
        assert calls.count("/v1/batch") == 2  # the person, then the meeting that refers to it
