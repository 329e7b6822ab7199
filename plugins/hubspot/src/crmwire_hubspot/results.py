"""Answers that list something, held against the form that they should have.

That nothing was found, or nothing was written, must never be read out of an answer that cannot
be understood: a person would then be made a second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crmwire.errors import RetryLater
from crmwire.http import Response

Item = Mapping[str, Any]


def whole(response: Response) -> Item:
    """The object that an answer is. Raises: RetryLater (outcome unknown) if it is none."""
    data = response.json()
    if not isinstance(data, Mapping):
        raise unreadable(response)
    return data


def listed(response: Response, *texts: str) -> list[Item]:
    """The results of an answer, each with these texts or numbers.

    Raises: RetryLater (outcome unknown).
    """
    data = whole(response)
    found = data.get("results")
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise unreadable(response)
    if not all(is_text(one.get(name)) for one in found for name in texts):
        raise unreadable(response)
    return found


def objects(value: object) -> Iterator[Item]:
    """The objects of what should be a list of them."""
    return (
        (one for one in value if isinstance(one, Mapping)) if isinstance(value, list) else iter(())
    )


def inside(data: object, *names: str) -> Any:
    """What stands at the end of a path of names; None if there is nothing."""
    for name in names:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data


def is_text(value: object) -> bool:
    """Whether this can be an id or a name: a text that is not blank, or a number."""
    return (isinstance(value, str) and bool(value.strip())) or (
        isinstance(value, int) and not isinstance(value, bool)
    )


def unreadable(response: Response) -> RetryLater:
    return RetryLater(
        "HubSpot's answer is not in the form that it should have.",
        code=f"HTTP {response.status}",
        request_id=response.request_id,
        sent="unknown",
    )
