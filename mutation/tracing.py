"""Which tests run which lines, and how long each takes: found out once, with no mutant."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import coverage
import pytest
from attrs import define, field

from mutation.areas import PYTEST

TOO_LONG = 5.0
"""Seconds: tests that take longer are not asked."""


@define
class Traced:
    """Seconds of each test that passes, and the tests of each line by file; line 0: any line."""

    seconds: dict[str, float] = field(factory=dict)
    lines: dict[str, dict[int, list[str]]] = field(factory=dict)

    def tests(self, path: Path, line: int, at_most: float) -> list[str]:
        """The tests that run a line, the quickest first, as many as fit into these seconds."""
        known = self.lines.get(str(path), {})
        found = known.get(line) or known.get(0, [])
        chosen, spent = list[str](), 0.0
        for test in sorted(found, key=lambda one: self.seconds.get(one, TOO_LONG)):
            took = self.seconds.get(test, TOO_LONG)
            if took >= TOO_LONG or (chosen and spent + took > at_most):
                break
            chosen.append(test)
            spent += took
        return chosen


class _Contexts:
    """Tells coverage which test runs, and keeps how long it took."""

    def __init__(self, running: coverage.Coverage, traced: Traced) -> None:
        self.running = running
        self.traced = traced

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.running.switch_context(nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.running.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.traced.seconds[report.nodeid] = TOO_LONG
        elif report.nodeid in self.traced.seconds or report.when == "setup":
            before = self.traced.seconds.get(report.nodeid, 0.0)
            self.traced.seconds[report.nodeid] = before + report.duration


def trace(files: Sequence[Path], tests: Sequence[str], kept: Path, log: Path) -> Traced:
    """Run the tests in a process of their own; what is found is kept in a file, too."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            with log.open("w") as out:
                os.dup2(out.fileno(), 1)
                os.dup2(out.fileno(), 2)
                _run(files, tests, kept)
            code = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(code)
    _, status = os.waitpid(process, 0)
    if status != 0:
        raise SystemExit(f"The tests could not be traced: see {log}.")
    return read(kept)


def read(kept: Path) -> Traced:
    data = json.loads(kept.read_text())
    return Traced(
        seconds=data["seconds"],
        lines={
            path: {int(line): tests for line, tests in lines.items()}
            for path, lines in data["lines"].items()
        },
    )


def _run(files: Sequence[Path], tests: Sequence[str], kept: Path) -> None:
    traced = Traced()
    running = coverage.Coverage(
        data_file=None, config_file=False, include=[str(path) for path in files]
    )
    running.start()
    arguments = [*PYTEST, f"--basetemp={kept.parent / 'traced'}", *tests]
    pytest.main(arguments, [_Contexts(running, traced)])
    running.stop()
    data = running.get_data()
    for path in data.measured_files():
        lines: dict[int, list[str]] = {
            line: [name for name in names if name]
            for line, names in data.contexts_by_lineno(path).items()
        }
        lines[0] = sorted({name for names in lines.values() for name in names})
        traced.lines[path] = lines
    kept.write_text(json.dumps({"seconds": traced.seconds, "lines": traced.lines}))
    sys.stdout.flush()
