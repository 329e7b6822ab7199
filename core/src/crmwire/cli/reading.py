"""What people type: secrets, settings, ports."""

from __future__ import annotations

import errno
import socket
import sys
import tomllib
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any

import click

from crmwire.errors import ConfigurationError

_LONGEST_SECRET = 16_384


def read_secret(what: str, *, ascii_only: bool = False, otherwise: str = "") -> str:
    """A secret from standard input, or asked for without showing it in a terminal.

    `otherwise` says what else can be done if there is none. Raises: ConfigurationError.
    """
    try:
        if sys.stdin.isatty():
            text = str(click.prompt(what.capitalize(), hide_input=True, err=True))
        else:
            text = sys.stdin.read(_LONGEST_SECRET + 1)
    except UnicodeDecodeError:
        raise ConfigurationError(f"The {what} on standard input is not text.") from None
    text = text.strip()
    if not text:
        raise ConfigurationError(
            f"No {what} came on standard input.",
            remedy=f"Pipe it into this command, or run it in a terminal to be asked.{otherwise}",
        )
    if len(text) > _LONGEST_SECRET or not text.isprintable() or (ascii_only and not text.isascii()):
        raise ConfigurationError(
            f"What came on standard input is not a {what}.",
            remedy="It is one line of printable characters.",
        )
    return text


def read_key(what: str) -> str:
    """A key of several lines from standard input. Raises: ConfigurationError."""
    try:
        text = sys.stdin.read(_LONGEST_SECRET + 1).strip()
    except UnicodeDecodeError:
        text = ""
    if len(text) > _LONGEST_SECRET or not text.isascii() or "-----BEGIN" not in text:
        raise ConfigurationError(
            f"What came on standard input is no {what}.",
            remedy="Pipe in the key as the file holds it: PEM, from -----BEGIN to -----END.",
        )
    return text + "\n"


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is removed for good; nothing is, if nobody can be asked.

    Raises: ConfigurationError without a terminal and without --yes.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "Nothing was removed, since nobody could be asked.", remedy="Add --yes to do it."
        )
    click.confirm(question, abort=True, err=True)


def settings(pairs: Iterable[str], option: str) -> dict[str, Any]:
    """`key=value` pairs; a value is read as TOML if it is any, else as text.

    Raises: ConfigurationError.
    """
    return {key: value(text) for key, text in texts(pairs, option).items()}


def texts(pairs: Iterable[str], option: str) -> dict[str, str]:
    """`key=value` pairs with the values as they were typed. Raises: ConfigurationError."""
    made: dict[str, str] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise ConfigurationError(
                f"{option} {pair!r} is not of the form key=value.",
                remedy=f"Write for example {option} zone=Europe/London.",
            )
        made[key.strip()] = text
    return made


def value(text: str) -> Any:
    """A TOML value, or the text itself. Dates and times stay text, since no setting is one."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    if set(parsed) != {"value"} or isinstance(parsed["value"], date | datetime | time):
        return text
    return parsed["value"]


def bindable(host: str, port: int) -> int:
    """The port, if it can be listened on; for 0, one that is free now.

    Raises: ConfigurationError.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except socket.gaierror:
        raise ConfigurationError(
            f"{host!r} is no address of this machine.", remedy="Use --host 127.0.0.1."
        ) from None
    except PermissionError:
        raise ConfigurationError(
            f"This user may not listen on port {port}.", remedy="Choose another with --port."
        ) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"Port {port} of {host} is in use.",
                remedy="Choose another with --port, or stop what uses it.",
            ) from None
        raise ConfigurationError(
            f"{host} cannot be listened on ({error.strerror}).", remedy="Use --host 127.0.0.1."
        ) from None
