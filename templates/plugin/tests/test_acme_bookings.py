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


def calls(scene: Stage) -> int:
    """How many there were so far, without those whose answers are kept."""
    return sum("/fields/" not in call["path"] for call in scene.calls("crm"))


def test_a_booking_costs_as_many_calls_as_the_readme_says(tmp_path: Path) -> None:
    with stage(tmp_path, {"crm": "acme"}, source=None) as scene:
        costs = []
        for verb in ("created", "rescheduled", "cancelled"):
            before = calls(scene)
            happen(scene, verb)
            costs.append(calls(scene) - before)
        assert costs == [4, 1, 1]  # two look-ups, the person, the meeting that refers to it
