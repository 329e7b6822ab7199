"""What a team sets for a feed of one inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from attrs import frozen

from crmwire import ConfigurationError, feed_settings

if TYPE_CHECKING:
    from crmwire.types import Feed


def _positive(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if value <= 0:
        raise ValueError(f"{attribute.name} must be more than 0")


@frozen(kw_only=True)
class Settings:
    """`subdomain` is the one of https://SUBDOMAIN.relationapp.jp, `inbox` the inbox's number.

    `title` names the inbox for people. With `other_channels`, messages of channels that no
    document names are carried as `other`. `customer_group` is the number of an address book: if
    it is given, customers are looked up there for their names. `overlap` is for how many minutes
    it is looked back each time. `ticket_url` makes a link of `{ticket}`.
    """

    subdomain: str
    inbox: int = attrs.field(validator=_positive)
    title: str | None = None
    other_channels: bool = False
    customer_group: int | None = None
    overlap: float = attrs.field(default=120.0, validator=_positive)
    ticket_url: str | None = None


def settings_of(feed: Feed) -> Settings:
    """A feed's settings, checked. Raises: ConfigurationError with every problem."""
    settings = feed_settings.settings_of(feed, Settings)
    name = settings.subdomain
    if not name.replace("-", "").isalnum() or not name.isascii():
        raise ConfigurationError(
            f"{name!r} is no subdomain.",
            remedy="Give the part before .relationapp.jp in the address of your Re:lation.",
        )
    return settings
