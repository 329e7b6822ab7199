"""Reading JSON of which every part may be missing, or of another type than documented.

For source plugins: the `a_…` functions answer None (or something empty) for what is not there,
the `required_…` ones raise UnreadableWebhook, saying what is missing where.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import urlsplit

from crmwire.errors import UnreadableWebhook

Object: TypeAlias = Mapping[str, object]


def json_object(body: bytes, remedy: str = "") -> Object:
    """The body as a JSON object. Raises: UnreadableWebhook if it is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableWebhook("The body is not JSON.", remedy=remedy) from None
    if not isinstance(value, dict):
        raise UnreadableWebhook("The body is JSON, but no object.", remedy=remedy)
    return value


def an_object(value: object) -> Object:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def a_list(value: object) -> Sequence[object]:
    """The list, or an empty one."""
    return value if isinstance(value, list) else ()


def a_text(value: object) -> str | None:
    """The text without space around it; None if it is blank or no text."""
    if not isinstance(value, str):
        return None
    if not value.isascii():
        # Half of a surrogate pair, which JSON can spell, cannot be stored as UTF-8.
        value = re.sub("[\ud800-\udfff]", "\ufffd", value)
    return value.strip() or None


def an_id(value: object) -> str | None:
    """A number or text as the text of an id."""
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return str(value)
        except ValueError:  # Python writes no number of more than 4300 digits
            return None
    return a_text(value)


def a_time(value: object) -> datetime | None:
    """A time of ISO 8601 in UTC; one without a zone is taken as UTC."""
    text = a_text(value)
    try:
        moment = datetime.fromisoformat(text or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def texts(value: object) -> tuple[str, ...]:
    """The texts of an answer: of one value, or of each in a list; booleans are true and false."""
    return tuple(_texts(value))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, list):
        for item in value:
            if not isinstance(item, list):
                yield from _texts(item)
    elif isinstance(value, float):
        yield str(value)
    elif text := an_id(value):
        yield text


def a_web_address(value: object) -> str | None:
    """The text, if it is an http address."""
    text = a_text(value)
    return text if text and text.lower().startswith(("https://", "http://")) else None


def a_host(value: object) -> str | None:
    """The host of an address, which may be any text."""
    try:
        return urlsplit(a_text(value) or "").hostname or None
    except ValueError:
        return None


def required_object(where: Object, name: str, path: str = "$", remedy: str = "") -> Object:
    """Raises: UnreadableWebhook if there is none."""
    value = where.get(name)
    if not isinstance(value, Mapping):
        raise UnreadableWebhook(f"{path}.{name} is missing, or no object.", remedy=remedy)
    return value


def required_text(where: Object, name: str, path: str = "$", remedy: str = "") -> str:
    """Raises: UnreadableWebhook if there is none."""
    text = a_text(where.get(name))
    if text is None:
        raise UnreadableWebhook(f"{path}.{name} is missing, or no text.", remedy=remedy)
    return text


def required_time(where: Object, name: str, path: str = "$", remedy: str = "") -> datetime:
    """Raises: UnreadableWebhook if there is none."""
    moment = a_time(where.get(name))
    if moment is None:
        raise UnreadableWebhook(f"{path}.{name} is missing, or no ISO 8601 time.", remedy=remedy)
    return moment
