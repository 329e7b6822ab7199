"""Values on their way to and from HubSpot, where every property is a text.

Formats: developers.hubspot.com/docs, "Properties" and "CRM API: data types", read 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from crmwire.errors import Rejected
from crmwire.types import Ref, Value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def as_property(name: str, value: Value, *, add: bool = False) -> str:
    """A value as HubSpot takes it: instants in UTC with Z, lists joined by semicolons, "" clears.

    With `add` a list joins the values that are there (a leading semicolon).
    Raises: Rejected for what no property can hold.
    """
    if isinstance(value, Sequence) and not isinstance(value, str):
        joined = ";".join(as_property(name, part) for part in value)
        return f";{joined}" if add else joined
    if isinstance(value, Mapping | Ref):
        raise Rejected(
            f"The property {name} cannot hold a group of values.",
            remedy="Map one of the values to the property, then retry.",
            fields=(name,),
        )
    text = _as_text(value)
    return f";{text}" if add else text


def with_breaks(html: str) -> str:
    """HTML with its line breaks visible; what has tags of its own is left as it is."""
    return html if "<" in html else "<br>".join(html.splitlines())


def _as_text(value: bool | int | float | str | datetime | date | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def instant(moment: datetime) -> str:
    """`2026-11-21T09:00:00Z`, with milliseconds only where there are some."""
    moment = moment.astimezone(UTC)
    milliseconds = moment.microsecond // 1000
    fraction = f".{milliseconds:03d}" if milliseconds else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def read_instant(text: object) -> datetime | None:
    """An instant as HubSpot writes it: ISO 8601, or milliseconds since 1970; None if neither.

    Both forms are seen: `hs_lifecyclestage_lead_date` was ISO in 2024 and milliseconds in 2026.
    """
    if isinstance(text, int):
        text = str(text)
    if not isinstance(text, str) or not text.strip():
        return None
    text = text.strip()
    if text.lstrip("-").isdecimal():
        try:
            return _EPOCH + timedelta(milliseconds=int(text))
        except (OverflowError, ValueError):
            return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def email_key(value: str) -> str:
    """An address as HubSpot keys it: it stores addresses in lower case."""
    return value.strip().lower()


def domain_key(value: str) -> str:
    """A company's domain as HubSpot keeps it: lower case, no scheme, no `www.`, no path."""
    text = value.strip().lower()
    text = text.partition("://")[2] or text
    return text.partition("/")[0].removeprefix("www.")


def texts(value: object) -> list[str]:
    """The values of a property that joins several by semicolons."""
    return [part for part in str(value or "").split(";") if part]
