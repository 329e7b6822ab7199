"""What commands print: times, tables, JSON; free of anything that a terminal would obey."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

_WIDE = 1000
"""Columns of a table that is not printed to a terminal: every row stays one line."""


def clean(text: object) -> str:
    """Text with control characters made visible: what a guest typed must not steer a terminal."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else f"\\x{ord(letter):02x}"
        for letter in str(text)
    )


def say(text: str = "") -> None:
    """A line on standard output."""
    click.echo(clean(text))


def note(text: str) -> None:
    """A line on standard error, for what is not the command's answer."""
    click.echo(clean(text), err=True)


def iso(seconds: float | None) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC, for programs."""
    return None if seconds is None else iso_time(datetime.fromtimestamp(seconds, UTC))


def iso_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def local(seconds: float | None) -> str:
    """Seconds since 1970 in the zone of whoever looks, with its abbreviation."""
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def age(seconds: float) -> str:
    """A length of time in its largest unit, or two."""
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min"
    if whole < 172800:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} days"


def console() -> Console:
    """A console on standard output; colours only in a terminal, nothing read as markup."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _WIDE
    return Console(width=width, markup=False, highlight=False, emoji=False)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table without frames; nothing is cut off."""
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in table.columns:
        column.overflow = "fold"
    for row in rows:
        table.add_row(*("-" if cell is None or cell == "" else clean(cell) for cell in row))
    screen = console()
    with screen.capture() as capture:
        screen.print(table)
    for line in capture.get().splitlines():
        click.echo(line.rstrip())


def print_json(data: object) -> None:
    """One JSON document; times in UTC."""
    click.echo(json.dumps(jsonable(data), indent=2, ensure_ascii=False))


def jsonable(value: object) -> Any:
    """Values of crmwire as what JSON can hold."""
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, datetime):
        return iso_time(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): jsonable(part) for name, part in value.items()}
    fields = getattr(type(value), "__attrs_attrs__", None)
    if fields is not None:
        return {one.name: jsonable(getattr(value, one.name)) for one in fields}
    if isinstance(value, Sequence | set | frozenset):
        return [jsonable(part) for part in value]
    return str(value)


def plural(number: int, word: str) -> str:
    """`1 delivery`, `2 deliveries`."""
    if number == 1:
        return f"{number} {word}"
    return f"{number} {word[:-1]}ies" if word.endswith("y") else f"{number} {word}s"
