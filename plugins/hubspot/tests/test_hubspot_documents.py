"""The shapes that HubSpot's documents declare, where the documents are beside the repository.

Every test that talks to the sandbox ends with this comparison (see conftest.py); these show that
it does compare.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[4] / "shared" / "specs" / "hubspot"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="HubSpot's documents are not here")

CREATE = "/crm/objects/2026-09/meetings/batch/create"


@pytest.fixture
def held(new_vendor: Callable[..., Any]) -> Any:
    """The documents as conftest.py reads them."""
    import sys

    return sys.modules["hubspot_documents"].documents(Path(__file__).parents[3])


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"inputs": [{"properties": {"hs_timestamp": "1"}}]}, []),
        ({}, ["inputs is missing"]),
        ({"inputs": {}}, ["inputs is no list"]),
        ({"inputs": [{"properties": {"hs_timestamp": 1}}]}, ["hs_timestamp is int, not string"]),
        ({"inputs": [{"properties": {}, "id": "1"}]}, ["inputs[0].id is not declared"]),
        (
            {"inputs": [{"properties": {}, "associations": [{"to": {"id": "1"}, "types": [{}]}]}]},
            ["associationCategory is missing", "associationTypeId is missing"],
        ),
    ],
)
def test_a_request_that_does_not_fit_is_told(held: Any, body: Any, told: list[str]) -> None:
    found = held.of_request("POST", CREATE, json.dumps(body).encode())
    assert len(found) == len(told)
    assert all(any(one.endswith(text) for one in found) for text in told)


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (201, {"status": "COMPLETE", "results": [], "startedAt": "x"}, ["completedAt is missing"]),
        (201, {"status": "DONE", "results": [], "startedAt": "x", "completedAt": "x"}, ["'DONE'"]),
        (202, {}, ["is not declared to answer 202"]),
        (400, {"message": 1}, ["message is int, not string"]),
        (400, {"message": "an error may lack any member"}, []),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_fit_is_told(
    held: Any, status: int, body: Any, told: list[str]
) -> None:
    found = held.of_answer("POST", CREATE, status, json.dumps(body).encode())
    assert len(found) == len(told)
    assert all(any(text in one for one in found) for text in told)


def test_what_a_whole_booking_asks_and_is_answered_was_compared(scene: Any, held: Any) -> None:
    scene.route("linktime", options={"companies": True})
    for verb in ("created", "rescheduled", "cancelled"):
        scene.happen(scene.event(verb, "b"))
    compared = [
        (method, path)
        for ours, method, path, *_ in scene.vendor.app.answers
        if ours and held.operation(method, path) is not None
    ]
    assert len(compared) == len([one for one in scene.vendor.app.answers if one[0]]) > 6
    assert scene.vendor.app.problems() == []
