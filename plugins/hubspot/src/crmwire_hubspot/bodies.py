"""Reading HubSpot's error bodies, of which every member may be missing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from attrs import frozen

MISSING = "REQUIRED_PROPERTY_MISSING"
DUPLICATE = "DUPLICATE_IDS"
_EXISTING = re.compile(r"Existing ID: (\d+)")


@frozen(kw_only=True)
class Problem:
    """One thing that is wrong with one property."""

    code: str
    field: str
    message: str


@frozen(kw_only=True)
class ErrorBody:
    """What an error body, or an error inside a batch answer, tells."""

    message: str = ""
    category: str = ""
    sub_category: str = ""
    policy: str = ""
    oauth: tuple[str, ...] = ()
    correlation_id: str = ""
    problems: tuple[Problem, ...] = ()
    context: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)

    @property
    def codes(self) -> tuple[str, ...]:
        """All codes, the most exact first."""
        codes = [
            *(problem.code for problem in self.problems),
            self.sub_category,
            *self.oauth,
            self.category,
        ]
        if self.context.get("properties"):
            # Properties that are required and missing are named so, without a code of their own.
            codes.insert(0, MISSING)
        elif self.category == "VALIDATION_ERROR" and self.context.get("ids"):
            # Keys that stand twice in a batch are told by their list alone.
            codes.insert(0, DUPLICATE)
        return tuple(code for code in codes if code)

    @property
    def fields(self) -> tuple[str, ...]:
        """The properties it names, each once."""
        names = [problem.field for problem in self.problems if problem.field]
        return tuple(dict.fromkeys([*names, *self.context.get("properties", ())]))

    @property
    def trace_ids(self) -> tuple[str, ...]:
        """The `objectWriteTraceId`s of the inputs it is about; one error can name several."""
        return self.context.get("objectWriteTraceId", ())

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, or values of the id property, that it is about."""
        return (*self.context.get("ids", ()), *self.context.get("id", ()))

    @property
    def existing_id(self) -> str | None:
        """The record that is already there: in the context, else only in the message."""
        named = self.context.get("existingId", ())
        if named:
            return named[0]
        found = _EXISTING.search(self.message)
        return found.group(1) if found else None

    @property
    def told(self) -> str:
        """What it says, for people."""
        if self.problems:
            parts = dict.fromkeys(
                f"{problem.field}: {problem.message}" if problem.field else problem.message
                for problem in self.problems
            )
            return "; ".join(parts)[:500]
        missing = self.context.get("properties", ())
        named = f" ({', '.join(missing)})" if missing else ""
        return f"{self.message[:500]}{named}"


def read_text(body: str) -> ErrorBody:
    """The body of a refusing answer; an HTML page or nothing gives an empty ErrorBody."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return ErrorBody()
    return read(data)


def read(data: object) -> ErrorBody:
    """An error object, whole or from the `errors` of a batch answer."""
    if not isinstance(data, Mapping):
        return ErrorBody()
    message = _text(data.get("message")) or _text(data.get("error_description"))
    return ErrorBody(
        message=message,
        category=_text(data.get("category")),
        sub_category=_text(data.get("subCategory")),
        policy=_text(data.get("policyName")),
        oauth=tuple(_oauth(data)),
        correlation_id=_text(data.get("correlationId")),
        problems=tuple(_problems(data, message)),
        context=_context(data.get("context")),
    )


def _oauth(data: Mapping[str, Any]) -> Iterator[str]:
    """The token endpoint names its errors by `status`, and since 2026 by `error` as well."""
    status, error = _text(data.get("status")), _text(data.get("error"))
    if status not in ("", "error", "COMPLETE"):
        yield status
    if error and not _items(data.get("errors")):
        yield error


def _problems(data: Mapping[str, Any], message: str) -> Iterator[Problem]:
    """From `errors[]`, which may be cut to three, and from the list after the message's colon.

    The older form has that list only; so both are read, and what they share is told once.
    """
    seen: set[tuple[str, str]] = set()
    for item in [*_items(data.get("errors")), *_items(_list_after_colon(message))]:
        names = _context(item.get("context")).get("propertyName", ())
        field = _text(item.get("name")) or (names[0] if names else "")
        code = _text(item.get("code")) or _text(item.get("error")) or _text(item.get("subCategory"))
        if (code, field) not in seen and (code or field):
            seen.add((code, field))
            yield Problem(code=code, field=field, message=_text(item.get("message")))


def _list_after_colon(message: str) -> object:
    start = message.find("[{")
    if start < 0:
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(message[start:])
    except ValueError:
        return None
    return found


def _items(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _context(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        return {}
    return {
        str(name): tuple(str(part) for part in (parts if isinstance(parts, list) else [parts]))
        for name, parts in value.items()
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
