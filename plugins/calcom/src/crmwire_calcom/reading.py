"""Reading JSON of which every part may be missing, or of another type than documented."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from crmwire import UnreadableWebhook

Object: TypeAlias = Mapping[str, object]


def an_object(value: object) -> Object:
    """The object, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def a_list(value: object) -> Sequence[object]:
    """The list, or an empty one."""
    return value if isinstance(value, list) else ()


def a_text(value: object) -> str | None:
    """The text without space around it; None if it is blank or no text."""
    if not isinstance(value, str):
        return None
    # Half of a surrogate pair, which JSON can spell, cannot be stored as UTF-8.
    return re.sub("[\ud800-\udfff]", "\ufffd", value).strip() or None


def an_id(value: object) -> str | None:
    """A number or text as the text of an id."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return a_text(value)


def a_time(value: object) -> datetime | None:
    """A time in UTC; Cal.com writes `Z` in some triggers and `+00:00` in others."""
    text = a_text(value)
    try:
        moment = datetime.fromisoformat(text or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def required_text(where: Object, name: str, path: str) -> str:
    """Raises: UnreadableWebhook if there is none."""
    text = a_text(where.get(name))
    if text is None:
        raise UnreadableWebhook(f"{path}.{name} is missing, or no text.")
    return text


def required_time(where: Object, name: str, path: str) -> datetime:
    """Raises: UnreadableWebhook if there is none."""
    moment = a_time(where.get(name))
    if moment is None:
        raise UnreadableWebhook(f"{path}.{name} is missing, or no ISO 8601 time.")
    return moment
