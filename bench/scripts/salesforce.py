"""Salesforce with simple-salesforce: query, create or update the contact, create the event."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.format import format_soql

from bench.bookings import Booking


class _Plain(requests.adapters.HTTPAdapter):
    """Sends what the client believes to be https to a sandbox on this machine."""

    def send(self, request: Any, *args: Any, **more: Any) -> Any:
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, *args, **more)


def carrier(url: str, token: str) -> Callable[[Booking], None]:
    session = requests.Session()
    session.trust_env = False
    session.mount("https://127.0.0.1", _Plain())
    api: Any = Salesforce(instance_url=url, session_id=token, version="62.0", session=session)

    def carry(booking: Booking) -> None:
        first, _, last = booking.name.rpartition(" ")
        asked = format_soql("SELECT Id FROM Contact WHERE Email = {}", booking.email)
        found = api.query(asked)["records"]
        fields = {"FirstName": first, "LastName": last, "Email": booking.email}
        if found:
            person = found[0]["Id"]
            api.Contact.update(person, fields)
        else:
            person = api.Contact.create(fields)["id"]
        api.Event.create(
            {
                "WhoId": person,
                "Subject": f"Intro call: {booking.name}",
                "StartDateTime": _zulu(booking.start),
                "EndDateTime": _zulu(booking.start + timedelta(minutes=30)),
                "Description": "Booked via Cal.com",
            }
        )

    return carry


def _zulu(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
