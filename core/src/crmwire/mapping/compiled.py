"""A compiled mapping with a route's choices, at work."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from functools import cached_property
from typing import Any

import attrs
from attrs import frozen

from crmwire.mapping.drafting import drafts_of
from crmwire.mapping.variables import variables_of
from crmwire.mapping_form import ActivityTable, MappingForm, RecordTable
from crmwire.types import Draft, Event, Subject


@frozen(kw_only=True, eq=False)
class Mapping:
    """A compiled mapping with a route's options, ready to make drafts."""

    form: MappingForm
    options: Dict[str, Any] = attrs.field(factory=dict)
    crm: attrs.AttrsInstance | None = None
    source: str = ""
    team: str = "default"
    zone: str | None = None
    phone_region: str | None = None
    html_fields: Dict[str, frozenset[str]] = attrs.field(factory=dict)

    @property
    def person(self) -> RecordTable | None:
        return self.form.person

    @property
    def activity(self) -> ActivityTable | None:
        return self.form.activity

    @cached_property
    def activities(self) -> Dict[str, ActivityTable]:
        """The tables of records that follow the subject, by role."""
        tables = {f"records.{name}": table for name, table in self.form.records.items()}
        return {"activity": self.form.activity, **tables} if self.form.activity else tables

    @cached_property
    def records(self) -> Dict[str, RecordTable]:
        """The tables of records that are found or created, by role, companies first."""
        pairs = (("company", self.form.company), ("person", self.form.person))
        return {role: table for role, table in pairs if table is not None}

    def reason_to_skip(self, event: Event, subject: Subject) -> str | None:
        """Why this mapping does not take the event, or None if it does."""
        if self.form.events is not None and event.type not in self.form.events:
            return f"the mapping does not take {event.type}"
        if self.form.when is not None and not self.form.when(self.variables(event, subject)):
            return "the mapping's `when` is not met"
        return None

    def variables(self, event: Event, subject: Subject) -> dict[str, object]:
        """What expressions see: plain values, names split, phones in E.164 where they parse."""
        return variables_of(self, event, subject)

    def drafts(self, event: Event, subject: Subject) -> list[Draft]:
        """The records wanted for this event; none if nothing is to be done.

        `event.type` is what the event amounts to, the subject as now known.
        Raises: Rejected if an expression fails, naming the field.
        """
        return drafts_of(self, event, subject)
