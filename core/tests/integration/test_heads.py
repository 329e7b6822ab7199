"""Requests as bytes on a socket: heads are bounded, and nothing that is sent ends the server."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from crmwire.heads import LARGEST_HEAD, BoundedHeads
from crmwire.sandbox import SandboxServer

POST = b"POST /in HTTP/1.1\r\nHost: example.com\r\n"
PORTION = b"a" * 16 * 1024


async def _size(request: Request) -> Response:
    try:
        return PlainTextResponse(str(len(await request.body())))
    except ClientDisconnect:
        return PlainTextResponse("gone")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    app = Starlette(routes=[Route("/in", _size, methods=["POST"])])
    with SandboxServer(app, http=BoundedHeads) as server:
        yield int(server.url.rpartition(":")[2])


def said(port: int, *parts: bytes, ends: bool = True) -> bytes:
    """What is answered until the connection ends; we end our half of it, or not.

    Raises: TimeoutError if the other side leaves it open.
    """
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        with contextlib.suppress(OSError):
            for part in parts:
                line.sendall(part)
            if ends:
                line.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):  # cut, but not left open
            while more := line.recv(65536):
                answer += more
    return answer


def sized(size: int) -> bytes:
    return POST + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % size


def test_a_large_body_is_no_large_head(port: int) -> None:
    size = 16 * len(PORTION)
    assert said(port, sized(size), *[PORTION] * 16).endswith(b"\r\n\r\n%d" % size)


def test_a_body_in_chunks_is_no_large_head(port: int) -> None:
    chunk = b"100\r\n" + b"a" * 256 + b"\r\n"
    head = POST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    parts = [chunk * 64] * 16
    assert said(port, head, *parts, b"0\r\n\r\n").endswith(b"\r\n\r\n%d" % (256 * 64 * 16))


def test_requests_that_follow_on_one_connection_count_each_for_itself(port: int) -> None:
    one = POST + b"X-Long: " + PORTION + b"\r\nContent-Length: 2\r\n\r\n{}"
    answers = said(port, *[one] * 9, sized(0), ends=False)
    assert answers.count(b"HTTP/1.1 200 OK") == 10


@pytest.mark.parametrize(
    "parts",
    [
        [POST + b"X-Long: ", *[PORTION] * 64],
        [b"POST /", *[PORTION] * 64],
        [POST, *[b"a: b\r\n" * 4096] * 64],
        [
            POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Long: ",
            *[PORTION] * 64,
        ],
        [POST + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1;" + PORTION + b"\r\na\r\n"] * 64],
    ],
    ids=["a header", "the address", "many headers", "a trailer", "what frames chunks"],
)
def test_an_endless_head_is_refused(port: int, parts: list[bytes]) -> None:
    assert sum(map(len, parts)) > 4 * LARGEST_HEAD
    answer = said(port, *parts, ends=False)
    # A client that goes on sending may find the connection cut before it has read the answer.
    assert answer.startswith(b"HTTP/1.1 400") or not answer
    assert said(port, sized(2), b"{}").endswith(b"\r\n\r\n2")


def test_no_bytes_end_the_server(port: int, caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(8)
    sound = sized(2) + b"{}" + POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
    for _ in range(300):
        mutated = bytearray(sound)
        for _ in range(chance.randrange(1, 8)):
            place = chance.randrange(len(mutated))
            mutated[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        answer = said(port, bytes(mutated))
        assert not answer or answer[9:10] in b"24", (answer, bytes(mutated))
    assert said(port, sized(2), b"{}").endswith(b"\r\n\r\n2")
    assert not [one for one in caplog.records if one.exc_info]
