"""The form of a team's document: what may stand in it, checked all at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from attrs import field, frozen

from crmwire.app import parse_since
from crmwire.mapping_form import converter, parse_toml, structured

OWN = "own"
"""What a route's preset is called if its mapping is the team's own."""


@frozen(kw_only=True)
class FeedEntry:
    """`[feeds.NAME]`; `token` is for the source's own API, where it is polled or listed."""

    source: str
    secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    allow_unsigned: bool = False
    settings: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class ConnectionEntry:
    """`[connections.NAME]`."""

    crm: str
    token: str | None = field(default=None, repr=False)
    settings: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class RouteEntry:
    """`[routes.NAME]`; `fields` are the team's own rows, `mapping` stands for the preset's."""

    feed: str
    connection: str
    page: str = "*"
    preset: str = OWN
    zone: str | None = None
    join_within: float | None = None
    since: datetime | None = None
    options: Mapping[str, Any] = field(factory=dict)
    fields: Mapping[str, Any] = field(factory=dict)
    mapping: Mapping[str, Any] | None = None

    @property
    def place(self) -> tuple[str, str, str]:
        return self.feed, self.page, self.connection


@frozen(kw_only=True)
class AlertEntry:
    """`[alerts.NAME]`; `secret` is what a webhook's messages are signed with."""

    address: str | None = field(default=None, repr=False)
    webhook: bool = False
    digest: str = "daily"
    secret: str | None = field(default=None, repr=False)


@frozen(kw_only=True)
class TeamDocument:
    """The whole document."""

    team: str = "default"
    feeds: Mapping[str, FeedEntry] = field(factory=dict)
    connections: Mapping[str, ConnectionEntry] = field(factory=dict)
    routes: Mapping[str, RouteEntry] = field(factory=dict)
    alerts: Mapping[str, AlertEntry] = field(factory=dict)


def parsed(text: str, where: str) -> TeamDocument:
    """A document's text. Raises: ConfigurationError with every problem and its path."""
    conv = converter()
    conv.register_structure_hook(datetime, lambda value, _: _moment(value))
    return structured(conv, parse_toml(text, where), TeamDocument, where)


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return parse_since(str(value))
