"""A figure as it is written down: what was measured, what it is held against, what it should be.

Areas return nested dicts. A leaf is a figure made here, or a plain number or text that needs no
aim. Aims are data: `value <= 0.5`, `ratio >= 30`.
"""

from __future__ import annotations

import operator
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

FAILED = "could not be measured"
"""The name under which a part tells why it could not be measured."""
_HOLDS = {"<=": operator.le, ">=": operator.ge}


def figure(
    value: float,
    unit: str = "",
    *,
    ratio: float | None = None,
    to: str = "",
    aims: Sequence[str] = (),
) -> dict[str, Any]:
    """One figure. `ratio` is to something measured in the same run, said in `to`.

    `aims` tell of `value` or `ratio` what it should be; the figure tells of each whether it is.
    """
    made: dict[str, Any] = {"value": value, "unit": unit}
    if ratio is not None:
        made |= {"ratio": round(ratio, 3), "to": to}
    if aims:
        made["aims"] = {aim: _reached(aim, made) for aim in aims}
    return made


def _reached(aim: str, made: Mapping[str, Any]) -> bool:
    of, holds, than = aim.split()
    return bool(_HOLDS[holds](made[of], float(than)))


def or_why(measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What is measured, or why it could not be: a long run must not be lost by one mistake."""
    try:
        return measure()
    except Exception as error:  # noqa: BLE001
        traceback.print_exc()
        return {FAILED: f"{type(error).__name__}: {error}"}


def rows(found: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Each leaf as a line: where it stands, how much, held against what, its aims, reached."""
    for name, part in found.items():
        here = (*path, name)
        where = ", ".join(here)
        if isinstance(part, Mapping) and "value" in part:
            aims = part.get("aims", {})
            held = f"{part['ratio']:g} {part['to']}" if "ratio" in part else ""
            reached = ", ".join("yes" if one else "NO" for one in aims.values())
            yield where, f"{part['value']:g} {part['unit']}".strip(), held, ", ".join(aims), reached
        elif isinstance(part, Mapping):
            yield from rows(part, here)
        elif isinstance(part, list):
            yield from rows({str(number): one for number, one in enumerate(part, 1)}, here)
        else:
            yield where, f"{part:g}" if isinstance(part, float) else str(part), "", "", ""


def show(title: str, found: Mapping[str, Any], console: Console | None = None) -> None:
    """Print an area's figures as a table."""
    table = Table(title=title, title_justify="left")
    for name in ("what", "measured", "held against", "aim", "reached"):
        table.add_column(name)
    for row in rows(found):
        table.add_row(*row, style="bold red" if "NO" in row[-1] else "")
    console = console or Console()
    if not console.is_terminal:
        console.width = 140  # into a file: nobody's window
    console.print(table)
