"""`python -m fuzz AREA … [--seed N] [--cases N] [--out FILE]`: the long form; `all` for every area.

Areas: parsers, receiver, signatures, repeats, expressions, mappings, queries, answers, images,
damage. Each case has a chance of its own, made from the seed and its number: a trouble that is
told as `7/1234` is case 1234 of seed 7. The exit status is 1 if there was any trouble.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fuzz import answers, expressions, mappings, queries, repeats, signatures, stores, webhooks
from fuzz.tally import kept, quiet

AREAS = {
    "parsers": (webhooks.parsers, 200_000),
    "receiver": (webhooks.through_receiver, 50_000),
    "signatures": (signatures.mutated, 1_000_000),
    "repeats": (repeats.one_id, 1_000),
    "expressions": (expressions.texts, 100_000),
    "mappings": (mappings.mutated, 5_000),
    "queries": (queries.hostile, 1_000),
    "answers": (answers.mutated, 20_000),
    "images": (stores.images, 300),
    "damage": (stores.damaged, 300),
}
"""What is run by each name, and how many cases of it unless said otherwise."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("areas", nargs="+", choices=[*AREAS, "all"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, help="cases of each area")
    parser.add_argument("--out", type=Path, help="a file to add the results to, one JSON a line")
    given = parser.parse_args()
    names = list(AREAS) if "all" in given.areas else given.areas
    quiet()
    wrong = False
    for name in names:
        run, usual = AREAS[name]
        tally = run(given.seed, given.cases or usual)
        print(tally.told(), flush=True)
        if given.out:
            kept(tally, given.out)
        wrong = wrong or bool(tally.troubles)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
