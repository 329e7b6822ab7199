"""`python -m fuzz AREA … [--seed N] [--cases N] [--out FILE]`: the long form; `all` for every area.

Each case has a chance of its own, made from the seed and its number: a trouble that is told as
`7/1234` is case 1234 of seed 7, and `--seed 7 --start 1234 --cases 1` runs it alone. With
`--part N`, a run is made in parts of N cases, each added to FILE as it is done; run again with
the same FILE, it goes on where it was. `sum --out FILE` adds up what a file tells. The exit
status is 1 if there was any trouble.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from fuzz import (
    answers,
    expressions,
    files,
    logins,
    mappings,
    polls,
    queries,
    repeats,
    runs,
    signatures,
    stores,
    webhooks,
)
from fuzz.tally import Tally, quiet

NUMBERED: dict[str, tuple[Callable[[int, int, int], Tally], int]] = {
    "parsers": (webhooks.parsers, 200_000),
    "receiver": (webhooks.through_receiver, 50_000),
    "answers": (answers.mutated, 20_000),
    "polls": (polls.mutated, 20_000),
    "logins": (logins.mutated, 20_000),
    "files": (files.mutated, 10_000),
}
"""What is run by each name, and how many cases of it unless said otherwise."""
WHOLE: dict[str, tuple[Callable[[int, int], Tally], int]] = {
    "signatures": (signatures.mutated, 1_000_000),
    "repeats": (repeats.one_id, 1_000),
    "expressions": (expressions.texts, 100_000),
    "mappings": (mappings.mutated, 5_000),
    "queries": (queries.hostile, 1_000),
    "images": (stores.images, 300),
    "damage": (stores.damaged, 300),
}
"""Those that always begin with their first case."""
AREAS = [*NUMBERED, *WHOLE]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("areas", nargs="+", choices=[*AREAS, "all", "sum"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0, help="the first case")
    parser.add_argument("--cases", type=int, help="cases of each area")
    parser.add_argument("--part", type=int, help="cases of one part")
    parser.add_argument("--out", type=Path, help="a file of results, one JSON object a line")
    given = parser.parse_args()
    for name in ("cases", "part"):
        number = getattr(given, name)
        if number is not None and number < 1:
            parser.error(f"--{name} is at least 1")  # of nothing it would find nothing
    if given.areas == ["sum"]:
        print(runs.summed(runs.kept(given.out)))
        return 0
    quiet()
    runs.code()  # as it is now, before a long run
    wrong = False
    for name in AREAS if "all" in given.areas else given.areas:
        for tally in _run(name, given):
            print(tally.told(), flush=True)
            if given.out:
                runs.keep(tally, name, given.out)
            wrong = wrong or bool(tally.troubles)
    return int(wrong)


def _run(name: str, given: argparse.Namespace) -> Iterator[Tally]:
    """One area, in its parts; those that are done already are left out."""
    if name in WHOLE:
        whole, usual = WHOLE[name]
        yield whole(given.seed, given.cases or usual)
        return
    run, usual = NUMBERED[name]
    count = given.cases or usual
    known = runs.done(given.out, name, given.seed) if given.out and given.part else set()
    for start, size in runs.parts(count, given.part or count, given.start):
        if (start, size) not in known:
            yield run(given.seed, size, start)


if __name__ == "__main__":
    sys.exit(main())
