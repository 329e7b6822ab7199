"""The toy CRM keeps the contract."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from crmwire.testing import toycrm
from crmwire.testing.contract import CrmContract
from crmwire.types import Ref, Value


class TestToyCrm(CrmContract):
    plugin = toycrm
    person_type = "contacts"
    person_key = "email"
    activity_type = "activities"
    missing_record = "t999"
    user_email = "host@example.com"

    def person_fields(self, email: str) -> Mapping[str, Value]:
        return {"email": email, "name": "Ada Example"}

    def refused_fields(self) -> Mapping[str, Value]:
        return {"email": "not an address"}

    def activity_fields(self, person: str | Ref, title: str) -> Mapping[str, Value]:
        start = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
        return {"contact": person, "title": title, "start": start}
