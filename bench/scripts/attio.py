"""Attio with plain httpx: query, create or update the person, create the note."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx

from bench.bookings import Booking


def carrier(url: str, token: str) -> Callable[[Booking], None]:
    client = httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30.0, trust_env=False
    )

    def call(method: str, path: str, body: dict[str, Any]) -> Any:
        return client.request(method, path, json=body).raise_for_status().json()["data"]

    def carry(booking: Booking) -> None:
        first, _, last = booking.name.rpartition(" ")
        people = "/v2/objects/people/records"
        found = call("POST", f"{people}/query", {"filter": {"email_addresses": booking.email}})
        values = {
            "email_addresses": [booking.email],
            "name": [{"first_name": first, "last_name": last, "full_name": booking.name}],
        }
        written = {"data": {"values": values}}
        if found:
            person = found[0]["id"]["record_id"]
            call("PATCH", f"{people}/{person}", written)
        else:
            person = call("POST", people, written)["id"]["record_id"]
        end = booking.start + timedelta(minutes=30)
        note = {
            "parent_object": "people",
            "parent_record_id": person,
            "title": f"Intro call: {booking.name}",
            "format": "plaintext",
            "content": f"Start: {booking.start:%d %b %Y, %H:%M}\nEnd: {end:%d %b %Y, %H:%M}",
        }
        call("POST", "/v2/notes", {"data": note})

    return carry
