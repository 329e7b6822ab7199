"""What is logged holds no secret, and above debug no address of a person."""

from __future__ import annotations

import pytest

from crmwire.logs import redacted


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Bearer pat-eu1-canary.token_1", "Authorization: Bearer …"),
        ("grant failed: refresh_token=canary-refresh-1&x=y", "grant failed: refresh_token=…&x=y"),
        ('{"client_secret": "canary-secret-1"}', '{"client_secret": "…"}'),
        ("no such person ada@example.com here", "no such person …@… here"),
        ("the token is missing", "the token is missing"),
        ("code: 400 and error", "code: 400 and error"),
    ],
)
def test_secrets_and_addresses_are_taken_out_of_what_is_logged(text: str, left: str) -> None:
    assert redacted(None, "warning", {"event": "x", "error": text, "number": 3}) == {
        "event": "x",
        "error": left,
        "number": 3,
    }


def test_debug_keeps_people_but_no_secrets() -> None:
    made = redacted(None, "debug", {"event": "ada@example.com Bearer canary-token-1"})
    assert made["event"] == "ada@example.com Bearer …"
