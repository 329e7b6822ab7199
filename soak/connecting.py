"""Connecting a CRM as a person would: a login or a token, a route, and a mapping of its own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from soak.links import COMPANY_TEXT, PERSON, Link

if TYPE_CHECKING:
    from soak.world import World

QUICK = {"read_timeout": 1.0, "settle_after": 2.5, "tries": [0.2, 0.5, 1.0, 2.0]}
"""Connection settings that keep the waits short; nothing is bypassed."""
SHOWN_AFTER = 3.5
"""Seconds beyond the lag of HubSpot's search after which what it does not show was not made."""
_COMPANIES: Mapping[str, dict[str, Any]] = {
    "hubspot": {"companies": True},
    "attio": {"companies": "assert"},
}
_NAME = "{{ booking.notes if guest.email | company_domain }}"


def connect(world: World, link: Link) -> None:
    """Make the connection and its route. Raises: RuntimeError if a check of it finds faults."""
    url = world.sandboxes[link.crm].url
    if link.by_login:
        world.log_in(link)
        settings = world.app.store.connection(link.name).settings
        world.app.change_connection(link.name, settings={**settings, **QUICK})
    else:
        world.app.add_connection(
            link.name, crm=link.crm, token=link.token, settings={"host": url, **QUICK}
        )
    rows: dict[str, Any] = {}
    if link.keeps:
        type_, field_ = PERSON[link.crm]
        rows["person"] = {type_: {field_: {"value": "{{ booking.notes }}", "write": "if_empty"}}}
    options: dict[str, Any] = {}
    mapping: dict[str, Any] | None = None
    if link.companies:
        options = _COMPANIES[link.crm]
        name = {"value": _NAME, "write": "if_empty"}
        rows["company"] = {"companies": {COMPANY_TEXT[link.crm]: name}}
    if link.companies and link.crm == "hubspot":
        mapping = tomllib.loads(world.app.presets(link.name)[link.preset])
        mapping["crm"] = {"search_lag": world.search_lag + SHOWN_AFTER}
    world.app.add_route(
        feed=link.feed, connection=link.name, preset=link.preset, rows=rows, options=options,
        mapping=mapping,
    )  # fmt: skip
    checked = world.app.check(link.name)
    if not checked.ok:
        raise RuntimeError(f"{link.name}: {checked.findings}")
    if link.preset == "booking-record":
        world.crmwire("setup", link.name, "--yes")
