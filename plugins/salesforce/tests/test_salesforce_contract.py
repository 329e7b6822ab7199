"""Salesforce keeps the contract."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import crmwire_salesforce
from crmwire.testing.contract import CrmContract
from crmwire.types import Ref, Value


class TestSalesforce(CrmContract):
    plugin = crmwire_salesforce
    person_type = "Contact"
    person_key = "Email"
    activity_type = "Event"
    missing_record = "003000000000999AAA"
    missing_key = "No_Such__c"
    user_email = "integration1@example.com"

    def person_fields(self, email: str) -> Mapping[str, Value]:
        return {"Email": email, "FirstName": "Ada", "LastName": "Example"}

    def refused_fields(self) -> Mapping[str, Value]:
        return {"Email": "not an address"}

    def activity_fields(self, person: str | Ref, title: str) -> Mapping[str, Value]:
        start = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
        return {
            "WhoId": person,
            "Subject": title,
            "StartDateTime": start,
            "EndDateTime": start + timedelta(minutes=30),
        }
