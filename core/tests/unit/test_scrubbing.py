"""Nothing of a person and no secret leaves the machine in an alert."""

from __future__ import annotations

import json

import pytest

from crmwire.alerting.scrubbing import code_of, impersonal, scrubbed, without_address


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Session expired or invalid", "Session expired or invalid"),
        ("ada.byron+x@example.co.uk has no access", "… has no access"),
        ("Call +44 20 7946 0123 now", "Call … now"),
        ("Call (555) 010-9999 now", "Call (… now"),
        ("see https://crm.example.com/ada?token=x for more", "see … for more"),
        ("token 00D5g000004XyZA!AQEAQFpVx1234567890 expired", "token … expired"),
        ("two\nlines\x1b[31m", "two lines[31m"),
        ("x " * 200, "x " * 99 + "x…"),
    ],
)
def test_what_may_be_a_persons_or_a_secret_is_left_out(text: str, told: str) -> None:
    assert scrubbed(text) == told


@pytest.mark.parametrize("code", ["DUPLICATES_DETECTED", "HTTP 422", "PROPERTY_DOESNT_EXIST"])
def test_a_vendors_code_is_told(code: str) -> None:
    assert code_of(code) == code


@pytest.mark.parametrize("code", ["", "ada@example.com", "7", 'It\'s "Ada"', "A" * 61])
def test_what_is_no_code_is_not_told(code: str) -> None:
    assert code_of(code) == ""


EVENT = json.dumps(
    {
        "type": "booking.created",
        "details": {
            "guest": {"email": "zoe@example.com", "full_name": "Zoë Quux", "company": "Field Ltd"},
            "answers": [{"key": "k", "values": ["Purple elephants"]}],
        },
    }
)


@pytest.mark.parametrize(
    "advice",
    [
        "Map the required field Industry.",
        "Give the lead a last name.",
        "Run `crmwire retry --held --reason X`.",
    ],
)
def test_a_plugins_advice_is_told(advice: str) -> None:
    assert impersonal(advice, EVENT) == advice


@pytest.mark.parametrize(
    "advice",
    ["Change ZOË to something else.", "Rename 'Quux'.", "elephants are not allowed", "Ask zoe."],
)
def test_advice_that_repeats_the_event_is_not_told(advice: str) -> None:
    assert impersonal(advice, EVENT) == ""


def test_advice_is_not_told_if_the_event_cannot_be_read() -> None:
    assert impersonal("Map it.", "{") == ""


def test_no_part_of_an_address_is_repeated_in_a_problem() -> None:
    address = "mailto://user:pa%24sword@example.com/path-token?key=query-secret"
    told = without_address("pa$sword at path-token: query-secret refused", address)
    assert told == "… at …: … refused"
