"""A mapping's `[crm]` table: what only HubSpot has a say in."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from crmwire.types import Write


@frozen(kw_only=True)
class HubSpotMapping:
    """Settings of one mapping.

    `when_met`: a contact that somebody made between our look-up and our create gets its blanks
    filled, or is left alone. `same_company`: the properties by which two new companies of one
    batch are the same. `primary_company`: a new contact's company becomes its primary one.
    `if_gone`: a meeting that was deleted in HubSpot is made again when its booking moves, or the
    delivery is held. `search_lag`: for how long (seconds) HubSpot's search may not show a company
    that was made; one whose create was never answered is looked for as long before it is made
    again. `contact_group` and `property_types` narrow what may be mapped; they are held against
    the account by `crmwire check`.
    """

    when_met: Literal["fill", "leave"] = "fill"
    same_company: tuple[str, ...] = ("domain",)
    primary_company: bool = True
    if_gone: Literal["make", "hold"] = "make"
    search_lag: float = 600.0
    contact_group: str | None = None
    property_types: tuple[str, ...] = ()


DEFAULT = HubSpotMapping()


def settings_of(write: Write) -> HubSpotMapping:
    """The settings of a write's mapping."""
    return write.settings if isinstance(write.settings, HubSpotMapping) else DEFAULT
