"""Writing records: people, companies and whatever objects a workspace has.

- create is a POST; a unique value that another record holds turns it into an update of that one.
- upsert is an assert (PUT by matching attribute). An assert replaces the values of every other
  multiselect attribute, so those that are to be added to never stand in one: they follow in a
  call of their own, if the assert's answer shows that something is missing.
- update is a PATCH, in which values of multiselect attributes join those that are there; one
  that is to be replaced, and any that is to be emptied, goes in a PUT by id.
Values of a unique attribute (addresses, domains) always join: they say who somebody is. So do
phone numbers, which are not to be lost.
docs.attio.com/rest-api/endpoint-reference, records (read 2026-11).
"""

from __future__ import annotations

from crmwire_attio.records.recording import write_record

__all__ = ["write_record"]
