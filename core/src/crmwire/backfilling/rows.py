"""Bookings as rows of a file: CSV with a heading, or NDJSON with an object on each line.

A column is a path into the vocabulary (`guest.email`, `booking.start`, `page.id`,
`answers.KEY`, `tracking.NAME`), besides `id`, `event` and `occurred_at`. NDJSON may nest instead
of dotting.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import cattrs
from attrs import frozen

from crmwire import stored
from crmwire.errors import ConfigurationError
from crmwire.types import Event
from crmwire.vocabulary import BOOKING_EVENTS, Answer, Booking, Details, Page, Payment, Person

PARTS: Mapping[str, type[attrs.AttrsInstance]] = {
    "booking": Booking,
    "guest": Person,
    "host": Person,
    "page": Page,
    "payment": Payment,
}
FREE = ("answers", "tracking")
OWN = ("id", "event", "occurred_at")
KNOWN = (
    "Known are id, event, occurred_at and paths such as guest.email, booking.start, page.id, "
    "answers.KEY; docs/howto/backfill.md lists them."
)


@frozen(kw_only=True)
class Row:
    """One row: its values by path, the line it stands on, and why it is of no use, if so."""

    line: int
    values: Mapping[str, str] = attrs.field(factory=dict)
    problem: str | None = None


def rows_in(path: Path) -> Iterator[Row]:
    """The rows of a file that ends in .csv, .ndjson or .jsonl. Raises: ConfigurationError."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8.", remedy="Save it as UTF-8.") from error
    kind = path.suffix.lower()
    if kind == ".csv":
        yield from _of_csv(path, text)
    elif kind in (".ndjson", ".jsonl"):
        yield from _of_ndjson(path, text)
    else:
        raise ConfigurationError(
            f"{path} is neither CSV nor NDJSON by its name.",
            remedy="Name it *.csv, *.ndjson or *.jsonl.",
        )


def _of_csv(path: Path, text: str) -> Iterator[Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = [name.strip() for name in reader.fieldnames or ()]
        if problem := _unknown(columns):
            raise ConfigurationError(f"{path}:1: {problem}", remedy=KNOWN)
        reader.fieldnames = columns
        for one in reader:
            if None in one:
                told = "it has more values than the heading has columns."
                yield Row(line=reader.line_num, problem=told)
            else:
                yield Row(line=reader.line_num, values=_said(one))
    except csv.Error as error:
        raise ConfigurationError(f"{path}:{reader.line_num} is no CSV ({error}).") from error


def _of_ndjson(path: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            yield Row(line=number, problem="it is not a JSON object.")
            continue
        values = dict(_flat(data))
        yield Row(line=number, values=_said(values), problem=_unknown(list(values)))


def _flat(data: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str | None]]:
    for name, value in data.items():
        path = f"{before}{name}"
        if isinstance(value, dict):
            yield from _flat(value, f"{path}.")
        elif isinstance(value, list):
            yield path, ", ".join(str(one) for one in value)
        else:
            yield path, None if value is None else str(value)


def _unknown(columns: list[str]) -> str | None:
    """What is wrong with the names of columns; None if nothing is."""
    unknown = [name for name in columns if not _is_known(name)]
    if unknown:
        return f"it has columns that crmwire does not know: {', '.join(unknown)}."
    if "id" not in columns:
        return "it has no column `id`, which is the booking's id in the source."
    return None


def _is_known(name: str) -> bool:
    part, _, field = name.partition(".")
    if name in OWN or (part in FREE and field):
        return True
    return part in PARTS and field in attrs.fields_dict(PARTS[part])


def _said(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: text.strip() for name, text in values.items() if text and text.strip()}


def event_of(row: Row) -> Event:
    """A row as an event: `booking.created` unless `event` says otherwise.

    Without `occurred_at` it happened when the booking starts. Raises: ConfigurationError.
    """
    values = row.values
    if row.problem is not None:
        raise ConfigurationError(row.problem)
    if "id" not in values:
        raise ConfigurationError("it has no id.")
    type_ = values.get("event", "created")
    type_ = type_ if "." in type_ else f"booking.{type_}"
    if type_ not in BOOKING_EVENTS:
        known = ", ".join(name.partition(".")[2] for name in BOOKING_EVENTS)
        raise ConfigurationError(f"{values['event']!r} is no event; there are {known}.")
    details = _details(values)
    if details.booking is None or details.booking.start is None:
        raise ConfigurationError("it has no booking.start.")
    at = values.get("occurred_at")
    return Event(
        type=type_,
        subject_id=values["id"],
        occurred_at=_time("occurred_at", at) if at else details.booking.start,
        details=details,
    )


def _details(values: Mapping[str, str]) -> Details:
    parts: dict[str, dict[str, object]] = {}
    answers: list[Answer] = []
    tracking: dict[str, str] = {}
    for path, text in values.items():
        part, _, name = path.partition(".")
        if part == "answers":
            answers.append(Answer(key=name, label=name, values=(text,)))
        elif part == "tracking":
            tracking[name] = text
        elif part in PARTS:
            field = attrs.fields_dict(PARTS[part])[name]
            timed = "datetime" in str(field.type)
            parts.setdefault(part, {})[name] = _time(path, text).isoformat() if timed else text
    host = parts.pop("host", None)
    data = {**parts, "tracking": tracking, "hosts": [host] if host else []}
    try:
        return attrs.evolve(stored.structure(data, Details), answers=tuple(answers))
    except (cattrs.BaseValidationError, ValueError, TypeError) as error:
        raise ConfigurationError(f"it cannot be read ({error}).") from error


def _time(path: str, text: str) -> datetime:
    said = f"{path} is {text[:80]!r}"
    try:
        moment = datetime.fromisoformat(text)
        inside = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigurationError(f"{said}, no time as in 2026-11-24T09:00:00+01:00.") from None
    if moment.tzinfo is None:
        raise ConfigurationError(f"{said}, without its zone (Z or +01:00).")
    return inside
