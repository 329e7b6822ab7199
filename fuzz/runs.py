"""Runs in parts, which go on after an interruption, and what all runs of a file come to."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from fuzz.samples import ROOT
from fuzz.tally import Tally


@cache
def code() -> str:
    """A digest of the code that is fuzzed, as it stood when this was first called."""
    made = hashlib.sha256()
    for file in sorted([*ROOT.glob("core/src/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]):
        made.update(file.read_bytes())
    return made.hexdigest()[:12]


def parts(count: int, size: int, start: int = 0) -> Iterator[tuple[int, int]]:
    """Where each part begins, and how many cases it has."""
    end = start + count
    while start < end:
        yield start, min(size, end - start)
        start += size


def kept(file: Path) -> list[dict[str, Any]]:
    """The runs that a file tells of; none if it is not there yet."""
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def done(file: Path, name: str, seed: int) -> set[tuple[int, int]]:
    """The parts of this area and seed that a file tells of: where they begin, how many cases."""
    return {
        (one["start"], one["cases"])
        for one in kept(file)
        if one["name"] == name and one["seed"] == seed
    }


def keep(tally: Tally, name: str, file: Path) -> None:
    """Add a run to the file of all runs, one JSON object a line."""
    told = {"name": name, "code": code(), **tally.summary()}
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(told, ensure_ascii=True) + "\n")


def summed(runs: list[dict[str, Any]]) -> str:
    """All runs by area: cases, seeds, how long, on how many states of the code, and troubles."""
    lines = []
    for name in dict.fromkeys(one["name"] for one in runs):
        of_it = [one for one in runs if one["name"] == name]
        cases = sum(one["cases"] for one in of_it)
        seconds = sum(one["seconds"] for one in of_it)
        busy = sum(one["processor"] for one in of_it)
        lines.append(
            f"{name}: {cases:,} cases of seeds {sorted({one['seed'] for one in of_it})}"
            f" in {seconds:,.0f} s ({cases / max(busy, 0.1):,.0f} a second of a processor),"
            f" {len(of_it)} runs on {len({one['code'] for one in of_it})} states of the code"
        )
        for field in ("outcomes", "troubles"):
            counted: Counter[str] = Counter()
            for one in of_it:
                counted.update(one[field])
            sign = "TROUBLE " if field == "troubles" else ""
            lines += [f"  {sign}{kind}: {number:,}" for kind, number in counted.most_common()]
    return "\n".join(lines)
