"""Trying a mutant: a process that imports it in the place of the module, and runs the tests."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import pytest
from attrs import frozen

from mutation.areas import PYTEST
from mutation.mutants import Mutant
from mutation.tracing import Traced

AT_MOST = 20.0
"""Seconds of tests that are run against one mutant, as they take with no mutant."""
PATIENCE, TIMES = 15.0, 5
"""A mutant is stopped, and noticed, after so many seconds and so many times its tests' own."""


@frozen
class Verdict:
    """`how`: killed, stopped (by the time limit), survived, or untested (no test runs it)."""

    mutant: Mutant
    how: str
    tests: int
    seconds: float


class _Loader(SourceFileLoader):
    def __init__(self, mutant: Mutant) -> None:
        super().__init__(mutant.module, mutant.path)
        self.mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        return self.mutant.code()


class _Finder(MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self.mutant.module:
            return None
        return importlib.util.spec_from_file_location(
            name, self.mutant.path, loader=_Loader(self.mutant)
        )


def preload() -> None:
    """Import once what every mutant's process needs, but nothing of crmwire itself."""
    for name in ("crmwire.app", "crmwire.cli", "crmwire.runner", "crmwire.testing.stage"):
        importlib.import_module(name)
    importlib.import_module("hypothesis")
    for name in [name for name in sys.modules if name.partition(".")[0].startswith("crmwire")]:
        del sys.modules[name]


def tried(
    mutants: Iterable[Mutant], traced: Traced, folder: Path, workers: int
) -> Iterator[Verdict]:
    """Try all of them, some at a time."""
    running: dict[int, tuple[Mutant, int, float, float]] = {}
    waiting = iter(mutants)
    number, more = 0, True
    while more or running:
        while more and len(running) < workers:
            mutant = next(waiting, None)
            if mutant is None:
                more = False
                break
            tests = traced.tests(Path(mutant.path), mutant.line, AT_MOST)
            if not tests:
                yield Verdict(mutant, "untested", 0, 0.0)
                continue
            number += 1
            started = time.monotonic()
            limit = PATIENCE + TIMES * sum(traced.seconds[test] for test in tests)
            process = _start(mutant, tests, folder / f"mutant-{number}")
            running[process] = (mutant, len(tests), started, started + limit)
        for process, (mutant, count, started, until) in list(running.items()):
            done, status = os.waitpid(process, os.WNOHANG)
            late = not done and time.monotonic() > until
            if late:
                os.killpg(process, signal.SIGKILL)
                os.waitpid(process, 0)
            if done or late:
                del running[process]
                how = "stopped" if late else "killed" if status else "survived"
                yield Verdict(mutant, how, count, time.monotonic() - started)
        time.sleep(0.01)


def _start(mutant: Mutant, tests: Sequence[str], folder: Path) -> int:
    """Start a process, leader of a group of its own, that ends with 0 if the tests pass."""
    process = os.fork()
    if process != 0:
        return process
    status = 1
    try:
        os.setsid()
        folder.mkdir()
        with (folder / "log").open("w") as out:
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
        sys.meta_path.insert(0, _Finder(mutant))
        arguments = ["-x", *PYTEST, f"--basetemp={folder / 'tests'}", *tests]
        status = int(pytest.main(arguments))
    finally:
        if status == 0:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            shutil.rmtree(folder / "tests", ignore_errors=True)
        os._exit(int(status != 0))
