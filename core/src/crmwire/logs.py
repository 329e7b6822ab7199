"""Logs: readable in a terminal, JSON otherwise; never a secret, no person above debug."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from typing import TextIO, cast

import structlog

_SECRETS = re.compile(
    r"(?i)\b(bearer|basic|zoho-oauthtoken)\s+[\w.~+/=-]{8,}"
    r"|\b(access_token|refresh_token|client_secret|code|assertion|token|secret)([\"']?\s*[=:]\s*[\"']?)"
    r"[\w.~+/%=-]{8,}"
)
_ADDRESS = re.compile(r"[\w.+%-]+@[\w-]+(\.[\w-]+)+")


def redacted(
    logger: object, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Take secrets out of what is logged, and above debug addresses of people.

    A second net: what is logged holds neither, but messages of vendors and libraries may.
    """
    for key, value in event.items():
        if isinstance(value, str):
            text = _SECRETS.sub(lambda found: f"{found[1] or found[2]}{found[3] or ' '}…", value)
            if method != "debug" and "@" in text:
                text = _ADDRESS.sub("…@…", text)
            event[key] = text
    return event


class _Patient:
    """A stream that drops what it cannot write: a full disk must not end the work that is told."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return self._stream.write(text)
        return 0

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def configure(*, verbose: bool = False, quiet: bool = False) -> None:
    """Send events to standard error: from info on, all if `verbose`, only warnings if `quiet`."""
    readable = sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redacted,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
        ),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Patient(sys.stderr))),
        cache_logger_on_first_use=False,
    )
