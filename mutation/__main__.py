"""`python -m mutation AREA …`: changes one small thing at a time and asks the tests.

Areas: vault, dedup, store. Prints the mutants that no test notices; which of them change nothing
that can be seen is said, with the reason, in `equivalent.toml`. The exit status is 1 below the
score that is asked for.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import sys
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path

from mutation import areas, tracing, trying
from mutation.mutants import Mutant, mutants

EQUIVALENT = Path(__file__).with_name("equivalent.toml")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m mutation", description=__doc__.split("\n")[0])
    parser.add_argument("areas", nargs="+", choices=["vault", "dedup", "store"])
    parser.add_argument(
        "--sample", type=int, help="so many mutants of each area, drawn by the seed"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e9, help="stop each area after so many")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="mutants whose name contains this")
    parser.add_argument("--least", type=float, default=85.0, help="the score asked for, in percent")
    parser.add_argument("--folder", type=Path, help="for logs, and to use one trace again")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="mutation-"))
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(areas.ROOT)
    trying.preload()
    scores = [_area(area, given, folder) for area in given.areas]
    return int(min(scores) < given.least)


def _area(area: str, given: argparse.Namespace, folder: Path) -> float:
    files = areas.files(area)
    kept = folder / f"{area}.json"
    if kept.exists():
        traced = tracing.read(kept)
    else:
        traced = tracing.trace(files, areas.TESTS[area], kept, folder / f"{area}.log")
    every = [
        one for path in files for one in mutants(areas.module_of(path), str(path), path.read_text())
    ]
    chosen = [one for one in every if given.only in one.id]
    if given.sample:
        random.Random(given.seed).shuffle(chosen)
        chosen = chosen[: given.sample]
    equivalent = tomllib.loads(EQUIVALENT.read_text()).get(area, {})
    made = Path(tempfile.mkdtemp(prefix=f"{area}-", dir=folder))
    counts: Counter[str] = Counter()
    until = time.monotonic() + given.minutes * 60
    in_time = itertools.takewhile(lambda _: time.monotonic() < until, chosen)
    for verdict in trying.tried(in_time, traced, made, given.workers):
        how = verdict.how
        if how in ("survived", "untested"):
            if verdict.mutant.id in equivalent:
                how = "equivalent"
            else:
                print(f"{how}: {_told(verdict.mutant)}", flush=True)
        counts[how] += 1
    return _score(area, counts, len(every))


def _told(mutant: Mutant) -> str:
    return f"{mutant.line}: {mutant.id}"


def _score(area: str, counts: Counter[str], every: int) -> float:
    noticed = counts["killed"] + counts["stopped"]
    tried = counts.total()
    score = 100 * noticed / max(tried - counts["equivalent"], 1)
    print(
        f"{area}: {noticed} of {tried} mutants noticed ({counts['stopped']} by the time limit),"
        f" {counts['equivalent']} change nothing that can be seen,"
        f" {counts['survived'] + counts['untested']} unnoticed: {score:.1f} %"
        f" (with those that change nothing: {100 * noticed / max(tried, 1):.1f} %);"
        f" {every} mutants in all",
        flush=True,
    )
    return score


if __name__ == "__main__":
    sys.exit(main())
