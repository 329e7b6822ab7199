"""How errors reach a person: one line of what is wrong and what to do, and an exit status."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from crmwire.cli.output import clean
from crmwire.errors import ConfigurationError, CrmwireError

if TYPE_CHECKING:
    from crmwire.cli.state import State

FAILED = 1
WRONG_INPUT = 2
UNEXPECTED = 70
"""EX_SOFTWARE of sysexits.h."""
INTERRUPTED = 130
"""What shells report of a command that Ctrl-C ended: 128 + SIGINT."""


def guarded(run: Callable[[], object], state: State) -> int:
    """Run a command and return its exit status; whatever goes wrong is told on standard error."""
    try:
        result = run()
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return FAILED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return WRONG_INPUT
    except click.ClickException as error:
        _tell(_of_click(error))
        return error.exit_code
    except CrmwireError as error:
        _tell(f"{error.message} {error.remedy}")
        for problem in getattr(error, "problems", ()):
            click.echo(f"  {_line(problem)}", err=True)
        return WRONG_INPUT if isinstance(error, ConfigurationError) else FAILED
    except Exception as error:  # noqa: BLE001  (a person gets a line, not a traceback)
        _tell_unexpected(error, verbose=state.verbose)
        return UNEXPECTED
    return result if isinstance(result, int) else 0


def _of_click(error: click.ClickException) -> str:
    """A usage error in one line, with the command that tells more."""
    text = error.format_message().rstrip(".")
    text = text if text.endswith(("?", "!")) else f"{text}."
    ctx = getattr(error, "ctx", None)
    if ctx is None:
        return text
    return f"{text} See `{ctx.command_path} --help`."


def _tell_unexpected(error: Exception, *, verbose: bool) -> None:
    told = f"{type(error).__name__}: {error}".rstrip(": ")
    if not verbose:
        _tell(f"{told}. Run again with --verbose to see where, and report it as a bug of crmwire.")
        return
    _tell(told)
    click.echo("".join(traceback.format_exception(error)), err=True)


def _tell(text: str) -> None:
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {_line(text)}", err=True)


def _line(text: str) -> str:
    return clean(" ".join(text.split()))


def _drop_output() -> None:
    """Whoever read the output has gone; let the interpreter's own flush at exit succeed."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
