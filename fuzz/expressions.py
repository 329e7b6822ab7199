"""Expressions that nobody would write: in bounds of time and memory, and never out of the sandbox.

Strategies build Jinja texts out of what the language has: names, dots, keys, filters with all
sorts of arguments, operators, tests, and what an attacker would try. A text is either refused when
it is compiled, or it gives plain data, or it fails as an ExpressionError. While it runs, an audit
hook watches that no file is opened for writing, nothing is started and nobody is called.
"""

from __future__ import annotations

import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from crmwire.expressions import ExpressionError, compile_expression, plain
from crmwire.expressions.environment import TESTS
from crmwire.expressions.values import VARIABLES
from crmwire.filters import FILTERS
from crmwire.testing.samples import details
from fuzz.tally import Tally

SLOW = 1.0
"""Seconds of a processor that one text may take to compile and run."""
STUCK = 20
"""Seconds after which one is given up."""
CANARY = "canary-3f9a-of-the-fuzzer"
"""Stands where no expression may read: in a global of this module."""
BETRAYING = (
    "<built-in",
    "<function",
    "<bound method",
    "<module",
    " object at 0x",
    "<class '",
    CANARY,
)
FORBIDDEN = ("os.system", "subprocess", "socket", "os.remove", "os.rename", "shutil", "os.exec",
             "os.fork", "os.posix_spawn", "ctypes", "sys.addaudithook", "pty")  # fmt: skip
BIG = "9" * 18
TEXTS = ["", "a", " ", "ada@example.com", "<b>x</b>" * 500, "&" * 3000, "é" * 5000, "ｱ" * 3000,
         "\ud800", "\x00", "+44 20 7946 0101", "1" * 20_000, "<" * 20_000, "<!--" * 5000,
         "a@" * 5000, "👩‍👩‍👧" * 2000, "\u0301" * 9000, "Europe/Paris", "../etc"]  # fmt: skip

names = st.sampled_from([*sorted(VARIABLES), "self", "loop", "range", "dict", "lipsum", "cycler",
                         "namespace", "config", "request", "__builtins__", "x", "none", "true",
                         "_joined", "context", "environment", "caller", "varargs", "l_0_guest",
                         "result", "undefined"])  # fmt: skip
attributes = st.sampled_from(["email", "full_name", "start", "title", "timezone", "values", "items",
                              "keys", "format", "__class__", "__mro__", "__globals__", "__init__",
                              "__subclasses__", "_Undefined__", "mro", "func_globals", "gi_frame",
                              "f_locals", "environment", "_fail_with_undefined_error", "0", "-1",
                              "given_name", "q1", "host", "year", "replace", "encode"])  # fmt: skip
literals = st.one_of(
    st.sampled_from(
        [
            "''",
            "'x'",
            "'{0.__class__}'",
            "'%s'",
            "'\\\\'",
            '"\\u0000"',
            "'a' 'b'",
            "0",
            "1",
            "-1",
            "1.5",
            "1e308",
            BIG,
            BIG * 3,
            "none",
            "true",
            "[]",
            "[1, 2]",
            "()",
            "(1,)",
            "{}",
            "{'a': 1}",
            "1e400",
            "0x10",
            "1_000",
            "[[[[[]]]]]",
        ]
    ),
    st.text(max_size=8).map(repr),
    st.integers().map(str),
)
filter_names = st.sampled_from([*sorted(FILTERS), "_joined", "attr", "map", "format", "safe", "e",
                                "tojson", "xmlattr", "select", "batch", "sort", "list", "string",
                                "center", "wordwrap", "indent", "pprint", "random"])  # fmt: skip
operators = st.sampled_from(["+", "-", "~", "*", "/", "//", "%", "**", "==", "!=", "<", ">", "in",
                             "not in", "and", "or", "is", "|", ",", ".."])  # fmt: skip


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    some = st.lists(inner, max_size=3).map(", ".join)
    return st.one_of(
        st.tuples(inner, attributes).map(lambda t: f"{t[0]}.{t[1]}"),
        st.tuples(inner, inner).map(lambda t: f"{t[0]}[{t[1]}]"),
        st.tuples(inner, literals, literals).map(lambda t: f"{t[0]}[{t[1]}:{t[2]}]"),
        st.tuples(inner, filter_names).map(lambda t: f"{t[0]} | {t[1]}"),
        st.tuples(inner, filter_names, some).map(lambda t: f"{t[0]} | {t[1]}({t[2]})"),
        st.tuples(inner, operators, inner).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.tuples(inner, st.sampled_from(sorted(TESTS))).map(lambda t: f"({t[0]} is {t[1]})"),
        some.map(lambda text: f"[{text}]"),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"not {text}"),
        inner.map(lambda text: f"-{text}"),
        st.tuples(inner, some).map(lambda t: f"{t[0]}({t[1]})"),
        # What grows: the same again and again.
        st.tuples(inner, st.integers(2, 60)).map(lambda t: " ~ ".join([t[0]] * t[1])),
        st.tuples(inner, st.integers(2, 60)).map(lambda t: " + ".join([t[0]] * t[1])),
        st.tuples(inner, st.integers(2, 40), literals).map(
            lambda t: f"{t[0]}" + f" | replace({t[2]}, 'aaaaaaaaaaaaaaaaaaaaaaaa')" * t[1]
        ),
        st.tuples(inner, filter_names, st.integers(2, 60)).map(
            lambda t: t[0] + f" | {t[1]}" * t[2]
        ),
        st.tuples(st.sampled_from(["(", "[", "-", "not "]), st.integers(2, 200), inner).map(
            lambda t: t[0] * t[1] + t[2] + {"(": ")", "[": "]"}.get(t[0], "") * t[1]
        ),
    )


insides = st.recursive(st.one_of(names, literals), _grown, max_leaves=12)
pieces = st.one_of(
    insides.map(lambda text: "{{ " + text + " }}"),
    insides.map(lambda text: "{{" + text),
    st.text(max_size=10),
    st.sampled_from(["{% for x in y %}", "{# #}", "{%", "{{", "}}", "{{ }}", "\n", "{{-", "-}}"]),
)
templates = st.lists(pieces, min_size=1, max_size=4).map("".join)
values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(TEXTS), st.text(),
    st.datetimes(), st.datetimes(timezones=st.just(UTC)), st.dates(),
    st.lists(st.sampled_from(TEXTS), max_size=3),
)  # fmt: skip


class Watch:
    """Tells what an expression does beside giving a value: it may do nothing."""

    def __init__(self) -> None:
        self._thread: int | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._heard)  # it can never be taken off again, so it is cheap

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if self._thread is None or threading.get_ident() != self._thread:
            return
        if event.startswith(FORBIDDEN) or (event == "open" and _writes(args)):
            self.seen.append(f"{event} {args!r:.200}")

    @contextmanager
    def on(self) -> Iterator[None]:
        self._thread = threading.get_ident()
        try:
            yield
        finally:
            self._thread = None


def _writes(args: tuple[Any, ...]) -> bool:
    """Whether a file is opened for writing, or one that is no part of Python or its zones."""
    path, mode = str(args[0]), str(args[1] or "r")
    if set(mode) & set("wax+"):
        return True
    return not any(part in path for part in ("zoneinfo", "site-packages", "/lib/", "/src/"))


class _Stuck(BaseException):
    """A text that does not come to an end."""


def _ring(number: int, frame: object) -> None:
    raise _Stuck


def texts(seed: int, count: int) -> Tally:
    """So many texts, each compiled and run with an event's variables, some of them odd."""
    tally = Tally(area="expressions", seed=seed)
    usual = plain(details())
    watch = Watch()
    slowest = 0.0
    signal.signal(signal.SIGALRM, _ring)

    @seeded(seed)
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(text=templates, more=st.dictionaries(st.sampled_from(sorted(VARIABLES)), values))
    def case(text: str, more: dict[str, object]) -> None:
        nonlocal slowest
        before = time.thread_time()
        signal.alarm(STUCK)
        try:
            outcome = _tried(tally, watch, text, {**usual, **more})
        except _Stuck:
            outcome = "stuck"
            tally.trouble("stuck", text)
        finally:
            signal.alarm(0)
        tally.outcomes[outcome] += 1
        took = time.thread_time() - before
        slowest = max(slowest, took)
        if took > SLOW:
            tally.trouble(f"took {took:.1f} s", text)

    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    case()
    top = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tally.measures["slowest, seconds of a processor"] = round(slowest, 3)
    tally.measures["peak memory grown, MB"] = round((top - start) / 1024, 1)
    return tally


def _tried(tally: Tally, watch: Watch, text: str, variables: Mapping[str, object]) -> str:
    try:
        expression = compile_expression(text)
    except ExpressionError as error:
        _message(tally, error, text)
        return "refused"
    except Exception as error:  # noqa: BLE001  (that is what is looked for)
        tally.trouble(f"compiling: {type(error).__name__}", f"{text!r}: {error!r}")
        return "broken"
    try:
        with watch.on():
            value = expression(variables)
    except ExpressionError as error:
        _message(tally, error, text)
        return "failed"
    except Exception as error:  # noqa: BLE001  (that is what is looked for)
        tally.trouble(f"running: {type(error).__name__}", f"{text!r}: {error!r}")
        return "broken"
    finally:
        if watch.seen:
            tally.trouble(f"escaped: {watch.seen.pop()}", text)
    if "{{" in text and not _is_plain(value):
        tally.trouble(f"gave {type(value).__name__}", text)
    for sign in BETRAYING:
        if isinstance(value, str) and sign in value and sign not in text:
            tally.trouble(f"betrayed {sign}", text)
    return "gave a value"


def _message(tally: Tally, error: ExpressionError, text: str) -> None:
    if len(error.message) > 2000:
        tally.trouble("a long message", text)
    for sign in BETRAYING:
        if sign in error.message and sign not in text:
            tally.trouble(f"a message betrays {sign}", f"{text!r}: {error.message}")


def _is_plain(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | str | int | float | date | datetime)
