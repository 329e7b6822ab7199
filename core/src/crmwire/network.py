"""Connections as httpcore makes them, with two things added: where to, and until when.

A name is resolved once, every address it has is held against `hosts.may_connect`, and one of
these is connected to: no second look-up happens that could answer otherwise. And each call has
an end, whatever the other side does: httpx waits anew for each piece of an answer, so that one
byte a second would keep a call for hours.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpcore

from crmwire import hosts
from crmwire.errors import RetryLater

_call = threading.local()


@contextlib.contextmanager
def deadline(*, connect: float, read: float) -> Iterator[None]:
    """Give what this thread sends inside so many seconds to connect, and then to be answered.

    The second time begins with the first byte that is sent and ends with the last of the answer.
    """
    _call.connect_by, _call.read, _call.answer_by = time.monotonic() + connect, read, None
    try:
        yield
    finally:
        _call.connect_by = _call.answer_by = None


def _left(end: float | None, timeout: float | None) -> float | None:
    """Seconds until `end`, or the timeout if that is sooner."""
    if end is None:
        return timeout
    left = end - time.monotonic()
    return left if timeout is None else min(left, timeout)


class CheckedBackend(httpcore.NetworkBackend):
    """Connects only where `hosts.may_connect` allows, and in time."""

    def __init__(
        self,
        resolve: Callable[[str, int], list[str]] | None = None,
        plain: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._resolve = resolve or resolved
        self._plain = plain or httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Raises: RetryLater if an address of the host is not public; nothing was sent then."""
        addresses = self._resolve(host, port)
        for address in addresses:
            if not hosts.may_connect(host, address):
                raise RetryLater(
                    f"{host} resolves to {address}, which is no public address; nothing was sent.",
                    remedy=(
                        "Look at this machine's name server: the vendor's host has another. If it"
                        f" is meant to be private, name it in {hosts.PRIVATE_SWITCH}."
                    ),
                    after=60.0,
                    pause=True,
                    sent="no",
                )
        for number, address in enumerate(addresses):
            left = _left(getattr(_call, "connect_by", None), timeout)
            if left is not None and left <= 0:
                break
            share = None if left is None else left / (len(addresses) - number)
            try:
                made = self._plain.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses) - 1:
                    raise
                continue
            return _Stream(made)
        raise httpcore.ConnectTimeout

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def resolved(host: str, port: int) -> list[str]:
    """The addresses of a host, in the order to try them. Raises: httpcore.ConnectError."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(str(error)) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Stream(httpcore.NetworkStream):
    """A connection whose reads and writes end when the call's time does."""

    def __init__(self, plain: httpcore.NetworkStream) -> None:
        self._plain = plain

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = _left(getattr(_call, "answer_by", None), timeout)
        if left is not None and left <= 0:
            raise httpcore.ReadTimeout
        return self._plain.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if getattr(_call, "connect_by", None) is not None and _call.answer_by is None:
            _call.answer_by = time.monotonic() + _call.read
        left = _left(getattr(_call, "answer_by", None), timeout)
        if left is not None and left <= 0:
            raise httpcore.WriteTimeout
        self._plain.write(buffer, left)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(getattr(_call, "connect_by", None), timeout)
        if left is not None and left <= 0:
            self.close()
            raise httpcore.ConnectTimeout
        return _Stream(self._plain.start_tls(ssl_context, server_hostname, left))

    def close(self) -> None:
        self._plain.close()

    def get_extra_info(self, info: str) -> Any:
        return self._plain.get_extra_info(info)
