"""`make bench`: what a booking costs, how fast a backlog drains, how quickly events are taken in.

`python -m bench` measures every area and writes `bench/results.json`; `python -m bench AREA …`
measures these, prints them, and writes them to the file that `--out` names, if any. Everything is
measured against sandboxes on this machine, so figures depend on it: let nothing else run.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figures import FAILED, or_why, rows, show
from crmwire import logs

AREAS = {
    "calls": "bench.calls",
    "scripts": "bench.comparing",
    "backlogs": "bench.backlogs",
    "accepting": "bench.accepting",
    "waking": "bench.waking",
    "sizes": "bench.sizes",
    "starting": "bench.starting",
    "memory": "bench.memory",
}
"""What can be measured: modules with a `measured()` that returns a dict of figures."""
RESULTS = Path(__file__).parent / "results.json"


def machine() -> str:
    """What the figures are of."""
    cores = os.cpu_count()
    return f"{platform.machine()}, {cores} cores, Python {platform.python_version()}"


def area(name: str) -> dict[str, Any]:
    """One area's figures."""
    began, load = time.monotonic(), os.getloadavg()[0]
    print(f"{name} …", file=sys.stderr, flush=True)
    made = or_why(lambda: importlib.import_module(AREAS[name]).measured())
    taken = round(time.monotonic() - began)
    return {**made, "took": f"{taken} s, machine's load before: {load:.1f}"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("areas", nargs="*", metavar="AREA", help=", ".join(AREAS))
    parser.add_argument("--out", type=Path, help="where to write the figures, as JSON")
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.areas) - set(AREAS))
    if unknown:
        parser.error(f"no such area: {', '.join(unknown)}; there are {', '.join(AREAS)}")
    logs.configure(quiet=True)
    results: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
    }
    out = chosen.out or (None if chosen.areas else RESULTS)
    for name in chosen.areas or AREAS:
        results[name] = area(name)
        show(name, results[name])
        if out is not None:  # what is there so far stays, should the run be interrupted
            partly = out.with_name(f"{out.name}.part")
            partly.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    if out is not None:
        out.with_name(f"{out.name}.part").replace(out)
    return int(any(where.endswith(FAILED) for where, *_ in rows(results)))


if __name__ == "__main__":
    sys.exit(main())
