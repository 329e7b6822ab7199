"""`python -m soak`: bookings with faults and kills, and what else proves the promises.

    python -m soak run --bookings 10000 --seed 1 --state soak-state [--background]
    python -m soak status soak-state
    python -m soak check soak-state/failed-17
    python -m soak peers
    python -m soak bugs [NAME …]
    python -m soak race
    python -m soak daemons
    python -m soak acknowledgements --number 1000 [--power-cut]

A run is made of rounds of some hundred bookings, each with fresh data and sandboxes and its own
seed. Finished rounds stand in `results.jsonl` of the state folder: started again with the same
arguments, a run goes on with the next round. What a failed round left is kept.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crmwire.demo.processes import DidNotStart
from crmwire.drills import STEPS
from soak.checker import check
from soak.rounds import Result, run
from soak.trouble import Mischief

ROOT = Path(__file__).parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run", help="bookings with faults, kills and mischief")
    one.add_argument("--bookings", type=int, default=1000)
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--round", type=int, default=250, help="bookings of a round")
    one.add_argument("--kills", type=int, default=5, help="random kills of a round")
    one.add_argument("--faults", default="full", help="full, peers, dense or none")
    one.add_argument("--state", type=Path, default=Path("soak-state"))
    one.add_argument("--background", action="store_true", help="go on without this terminal")
    one.add_argument("--only", type=int, help="only the round with this number, to repeat it")
    one = commands.add_parser("status", help="how a run stands")
    one.add_argument("state", type=Path)
    one = commands.add_parser("check", help="check again what a round left behind")
    one.add_argument("folder", type=Path)
    one = commands.add_parser("peers", help="200 bookings, 5 %% / 5 %% / 3 %%, no kills")
    one.add_argument("--bookings", type=int, default=200)
    one.add_argument("--seed", type=int, default=1)
    one = commands.add_parser("race", help="the same people book at once, from several senders")
    one.add_argument("--bookings", type=int, default=100)
    one.add_argument("--people", type=int, default=10)
    one.add_argument("--lags", type=float, nargs="+", default=[0, 5, 30], metavar="SECONDS",
                     help="how far HubSpot's search is behind")  # fmt: skip
    one.add_argument("--kills", type=int, nargs="+", default=[0, 3])
    one.add_argument("--seed", type=int, default=1)
    one = commands.add_parser("daemons", help="two daemons with two data folders, one account")
    one.add_argument("--bookings", type=int, default=60, help="to each of the two")
    one.add_argument("--people", type=int, default=10)
    one.add_argument("--seed", type=int, default=1)
    one = commands.add_parser("acknowledgements", help="kill -9 right after each 2xx")
    one.add_argument("--number", type=int, default=1000)
    one.add_argument("--power-cut", action="store_true",
                     help="take back what was not synced (needs a C compiler)")  # fmt: skip
    one.add_argument("--seed", type=int, default=1)
    one = commands.add_parser("bugs", help="see that the checker finds broken crmwires out")
    one.add_argument("names", nargs="*")
    one.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for name in ("bookings", "round", "people", "number"):
        if getattr(given, name, 1) < 1:  # of nothing it would find nothing
            parser.error(f"--{name} is at least 1")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what it started ends with it
    return COMMANDS[given.command](given)


def _run(given: argparse.Namespace) -> int:
    given.state.mkdir(parents=True, exist_ok=True)
    if given.background:
        log = given.state / "log"
        with log.open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "soak", *(a for a in sys.argv[1:] if a != "--background")],
                cwd=Path.cwd(),
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *_path()])},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        (given.state / "pid").write_text(str(process.pid))
        print(
            f"It runs as process {process.pid}; see {log}, or: python -m soak status {given.state}"
        )
        return 0
    rounds = -(-given.bookings // given.round)
    done = {line["seed"] for line in _results(given.state)}
    for number in range(rounds) if given.only is None else [given.only]:
        seed = given.seed * 10_000 + number
        if seed in done and given.only is None:
            continue
        bookings = min(given.round, given.bookings - number * given.round)
        mischief = Mischief(faults=given.faults, kills=given.kills)
        folder = given.state / f"round-{number}"
        made = run(folder, seed=seed, bookings=bookings, mischief=mischief)
        _tell(number, made)
        with (given.state / "results.jsonl").open("a") as file:
            line = {"round": number, "at": _now(), "machine": platform.machine(), **made.as_json()}
            file.write(json.dumps(line, default=str) + "\n")
        if made.ok:
            shutil.rmtree(folder)
        else:
            kept = given.state / f"failed-{number}"
            shutil.rmtree(kept, ignore_errors=True)
            folder.rename(kept)
            print(f"  kept in {kept}; again with: --seed {given.seed} --only {number}")
    return _status(given)


def _path() -> list[str]:
    return [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _tell(number: int, made: Result) -> None:
    word = "ok" if made.ok else "WRONG"
    text = f"{_now()} round {number} (seed {made.seed}): {word}, {made.bookings} bookings"
    print(f"{text}, {made.seconds} s, mischief {made.mischief}", flush=True)
    for finding in made.findings[:20]:
        print(f"  {finding.kind}: {finding.account}: {finding.what}")
    for text in made.unsettled:
        print(f"  unsettled: {text}")


def _results(state: Path) -> list[dict[str, Any]]:
    file = state / "results.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def _status(given: argparse.Namespace) -> int:
    lines = _results(given.state)
    sums: collections.Counter[str] = collections.Counter()
    kinds: collections.Counter[str] = collections.Counter()
    for line in lines:
        sums.update(line["mischief"])
        kinds.update(one["kind"] for one in line["findings"])
    bad = [line["seed"] for line in lines if not line["ok"]]
    print(f"{len(lines)} rounds, {sum(line['bookings'] for line in lines)} bookings,"
          f" {sum(line['seconds'] for line in lines) / 60:.0f} minutes")  # fmt: skip
    print(f"mischief: {dict(sorted(sums.items()))}")
    steps = {step: sums[f"kill at {step}"] for step in STEPS}
    print(f"kills: {sums['kill']} random, at steps {steps}")
    print(f"findings: {dict(kinds) or 'none'}" + (f"; seeds {bad}" if bad else ""))
    return 1 if bad else 0


def _check(given: argparse.Namespace) -> int:
    findings = check(given.folder)
    for one in findings:
        print(f"{one.kind}: {one.account}: {one.what}")
    print(f"{len(findings)} findings")
    return 1 if findings else 0


def _peers(given: argparse.Namespace) -> int:
    calm = Mischief(faults="peers", kills=0, steps=(), others=())
    with tempfile.TemporaryDirectory() as folder:
        made = run(Path(folder) / "round", seed=given.seed, bookings=given.bookings, mischief=calm)
    _tell(0, made)
    print(json.dumps({"webhooks": made.webhooks, "vendors": made.vendors}))
    return 0 if made.ok else 1


def _bugs(given: argparse.Namespace) -> int:
    from soak.bugs import BUGS, hunted

    unknown = sorted(set(given.names) - BUGS.keys())
    if unknown:
        print(f"no bug {unknown[0]!r}; there are: {', '.join(BUGS)}")
        return 2
    missed = []
    began = time.monotonic()
    for name in given.names or BUGS:
        try:
            made = hunted(name, seed=given.seed)
        except (RuntimeError, DidNotStart) as error:
            print(f"{name}: {error}", flush=True)
            missed.append(name)
            continue
        kinds = collections.Counter([one.kind for one in made.findings])
        kinds["unsettled"] = len(made.unsettled)
        text = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
        print(f"{name}: {text or 'nothing found'} in {made.seconds} s", flush=True)
        if made.ok is BUGS[name].found:
            missed.append(name)
    tried = len(given.names or BUGS)
    taken = time.monotonic() - began
    print(f"{tried - len(missed)} of {tried} as expected in {taken:.0f} s", end="")
    print(f"; not as expected: {', '.join(missed)}" if missed else "")
    return 1 if missed else 0


def _race(given: argparse.Namespace) -> int:
    from soak.races import report

    good = report(
        lags=given.lags, kills=given.kills, seed=given.seed, bookings=given.bookings,
        people=given.people,
    )  # fmt: skip
    return 0 if good else 1


def _daemons(given: argparse.Namespace) -> int:
    from soak.daemons import report

    report(bookings=given.bookings, people=given.people, seed=given.seed)
    return 0


def _acknowledgements(given: argparse.Namespace) -> int:
    from soak.acknowledging import report

    good = report(number=given.number, seed=given.seed, power_cut=given.power_cut)
    return 0 if good else 1


COMMANDS = {
    "run": _run, "status": _status, "check": _check, "peers": _peers, "bugs": _bugs,
    "race": _race, "daemons": _daemons, "acknowledgements": _acknowledgements,
}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
