"""What a run of the fuzzer did, and what it found."""

from __future__ import annotations

import collections
import logging
import time
from pathlib import Path
from typing import Any

import structlog
from attrs import Factory, define

SHOWN = 20
"""Troubles that are told in full; all are counted."""


@define(kw_only=True)
class Tally:
    """The count of one area's cases by outcome, and each trouble with the seed that makes it."""

    area: str
    seed: int
    start: int = 0
    outcomes: collections.Counter[str] = Factory(collections.Counter)
    troubles: collections.Counter[str] = Factory(collections.Counter)
    examples: dict[str, str] = Factory(dict)
    measures: dict[str, Any] = Factory(dict)
    started: float = Factory(time.monotonic)
    busy: float = Factory(time.process_time)

    @property
    def cases(self) -> int:
        return sum(self.outcomes.values())

    def trouble(self, kind: str, example: str = "") -> None:
        """Something that must never happen did."""
        self.troubles[kind] += 1
        self.examples.setdefault(kind, example[:4000])

    def summary(self) -> dict[str, Any]:
        return {
            "area": self.area,
            "seed": self.seed,
            "start": self.start,
            "cases": self.cases,
            "outcomes": dict(self.outcomes.most_common()),
            "troubles": dict(self.troubles.most_common()),
            "examples": dict(list(self.examples.items())[:SHOWN]),
            "measures": self.measures,
            "seconds": round(time.monotonic() - self.started, 1),
            "processor": round(time.process_time() - self.busy, 1),
        }

    def told(self) -> str:
        """The same for people, without the examples' full text."""
        data = self.summary()
        took = f"{data['seconds']} s ({data['processor']} of a processor)"
        seed = f"seed {self.seed} from {self.start:,} on"
        lines = [f"{self.area}: {self.cases:,} cases in {took}, {seed}"]
        lines += [f"  {name}: {count:,}" for name, count in data["outcomes"].items()]
        lines += [f"  {name} = {value}" for name, value in self.measures.items()]
        for kind, count in list(data["troubles"].items())[:SHOWN]:
            lines += [f"  TROUBLE {count:,} × {kind}", f"    {self.examples[kind][:600]}"]
        if not self.troubles:
            lines.append("  no trouble")
        return "\n".join(lines)


def resident() -> int:
    """Bytes of memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def quiet() -> None:
    """Let crmwire log nothing below an error: a million lines tell nothing."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
