"""HubSpot keeps the contract."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import crmwire_hubspot
from crmwire.testing.contract import CrmContract
from crmwire.types import Ref, Value


class TestHubSpot(CrmContract):
    plugin = crmwire_hubspot
    person_type = "contacts"
    person_key = "email"
    activity_type = "meetings"
    activity_about = True
    missing_record = "999999999"
    user_email = "host@example.com"

    def person_fields(self, email: str) -> Mapping[str, Value]:
        return {"email": email, "firstname": "Ada", "lastname": "Example"}

    def refused_fields(self) -> Mapping[str, Value]:
        return {"email": "not an address"}

    def activity_fields(self, person: str | Ref, title: str) -> Mapping[str, Value]:
        start = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
        return {
            "hs_timestamp": start,
            "hs_meeting_title": title,
            "hs_meeting_start_time": start,
            "hs_meeting_outcome": "SCHEDULED",
        }
