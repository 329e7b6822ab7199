"""Webhook bodies as Cal.com sends them, for the demonstration and for tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen

FIRST_START = datetime(2027, 3, 2, 9, 0, tzinfo=UTC)


@frozen(kw_only=True)
class SampleBooking:
    """One booking of one guest; `moves` makes new ids, as Cal.com does."""

    uid: str
    email: str
    name: str
    start: datetime = FIRST_START
    phone: str | None = None
    notes: str = ""
    page: int = 7

    def created(self, at: datetime) -> bytes:
        return self._body("BOOKING_CREATED", self.uid, self.start, at, {})

    def rescheduled(self, at: datetime, *, to: datetime, uid: str) -> bytes:
        more = {
            "rescheduleUid": self.uid,
            "rescheduleStartTime": _zulu(self.start),
            "rescheduleEndTime": _zulu(self.start + timedelta(minutes=30)),
        }
        return self._body("BOOKING_RESCHEDULED", uid, to, at, more)

    def cancelled(self, at: datetime, *, start: datetime, uid: str) -> bytes:
        more = {"cancellationReason": "Something came up", "status": "CANCELLED"}
        return self._body("BOOKING_CANCELLED", uid, start, at, more)

    def _body(
        self, trigger: str, uid: str, start: datetime, at: datetime, more: dict[str, Any]
    ) -> bytes:
        person = {
            "email": self.email,
            "name": self.name,
            "firstName": "",
            "lastName": "",
            "timeZone": "Europe/London",
            "language": {"locale": "en"},
        }
        payload = {
            "uid": uid,
            "title": f"Intro call between Harriet Host and {self.name}",
            "eventTitle": "Intro call",
            "type": "intro-call",
            "eventTypeId": self.page,
            "startTime": _zulu(start),
            "endTime": _zulu(start + timedelta(minutes=30)),
            "length": 30,
            "status": "ACCEPTED",
            "organizer": {
                "id": 1,
                "name": "Harriet Host",
                "email": "harriet@example.com",
                "timeZone": "Europe/London",
                "language": {"locale": "en"},
            },
            "attendees": [{**person, "phoneNumber": self.phone}],
            "additionalNotes": self.notes,
            "responses": {
                "name": {"label": "your_name", "value": self.name},
                "email": {"label": "email_address", "value": self.email},
                "notes": {"label": "additional_notes", "value": self.notes},
            },
            "location": "integrations:daily",
            "metadata": {"videoCallUrl": f"https://meet.example.com/{uid}"},
            **more,
        }
        body = {"triggerEvent": trigger, "createdAt": _zulu(at), "payload": payload}
        return json.dumps(body).encode()


def _zulu(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
