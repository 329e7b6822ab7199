"""Attio keeps the contract."""

from __future__ import annotations

from collections.abc import Mapping

import crmwire_attio
from crmwire.testing.contract import CrmContract
from crmwire.types import Ref, Value


class TestAttio(CrmContract):
    plugin = crmwire_attio
    person_type = "people"
    person_key = "email_addresses"
    activity_type = "notes"
    activity_about = True
    missing_record = "11111111-2222-4333-8444-555555555555"

    def person_fields(self, email: str) -> Mapping[str, Value]:
        return {"email_addresses": email, "name": "Ada Example"}

    def refused_fields(self) -> Mapping[str, Value]:
        return {"email_addresses": "not an address"}

    def activity_fields(self, person: str | Ref, title: str) -> Mapping[str, Value]:
        return {"title": title, "content": "Start: Mon, 30 Nov 2026 09:00 UTC"}
