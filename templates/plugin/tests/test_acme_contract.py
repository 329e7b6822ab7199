"""The plugin keeps the contract: what core relies on, run against the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from crmwire.testing.contract import CrmContract
from crmwire.types import Ref, Value

import crmwire_acme


class TestAcme(CrmContract):
    plugin = crmwire_acme
    person_type = "people"
    person_key = "email"
    activity_type = "meetings"
    missing_record = "a999"
    user_email = "host@example.com"

    def person_fields(self, email: str) -> Mapping[str, Value]:
        return {"email": email, "name": "Ada Example"}

    def refused_fields(self) -> Mapping[str, Value]:
        return {"email": "not an address"}

    def activity_fields(self, person: str | Ref, title: str) -> Mapping[str, Value]:
        return {"person": person, "title": title, "start": datetime(2026, 11, 30, 9, tzinfo=UTC)}
