"""Running a sandbox: in this process on a thread, or as a command."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

GRACE = 1.0
"""Seconds in which requests that are being answered may end when a sandbox stops."""

_transports: dict[tuple[str, int], asyncio.Transport] = {}


class _Protocol(H11Protocol):
    """Remembers each connection's transport, so that a fault can cut it without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._peer = tuple(transport.get_extra_info("peername")[:2])
        _transports[self._peer] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        _transports.pop(self._peer, None)
        super().connection_lost(exc)


def abort(scope: Scope) -> None:
    """Cut the connection of this request; the other side sees it break."""
    transport = _transports.get(tuple(scope["client"]))
    if transport is not None:
        transport.abort()


def _config(app: ASGIApp, port: int, http: type[asyncio.Protocol] = _Protocol) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        http=http,
        loop="asyncio",  # cut connections are to look the same wherever it runs
        log_config=None,
        access_log=False,
        lifespan="off",
    )


class _Server(uvicorn.Server):
    """A server that says when it is ready, and leaves the signals alone on a thread."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """As uvicorn's own, but looking for the end more often: tests start many servers.

        `Date` is told by the clock, not by how often this came round: a busy server would be
        seconds behind, and a client that reckons `Retry-After` from it would wait for longer.
        """
        told = 0
        while not self.should_exit:
            now = int(time.time())
            if now != told:
                told = now
                if await self.on_tick(0):
                    return
            await asyncio.sleep(0.01)

    async def shutdown(self, sockets: Any = None) -> None:
        """As uvicorn's own, which waits for a tenth of a second at a time, and at least once."""
        state = self.server_state
        for server in self.servers:
            server.close()
        for connection in list(state.connections):
            connection.shutdown()
        deadline = time.monotonic() + GRACE
        while (state.connections or state.tasks) and time.monotonic() < deadline:
            if self.force_exit:
                break
            await asyncio.sleep(0.002)
        for task in state.tasks:
            task.cancel()

    @property
    def bound_port(self) -> int:
        return int(self.servers[0].sockets[0].getsockname()[1])


class SandboxServer:
    """A sandbox on 127.0.0.1 for the length of a `with` block; `url` is its address.

    With another protocol than its own, `http`, it cannot cut connections.
    """

    def __init__(
        self, app: ASGIApp, port: int = 0, *, http: type[asyncio.Protocol] = _Protocol
    ) -> None:
        self.app = app
        self._server = _Server(_config(app, port, http))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._server.ready.wait(10):
            raise OSError("the sandbox did not start")
        self.url = f"http://127.0.0.1:{self._server.bound_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)


def serve(app: ASGIApp, port: int) -> None:
    """Serve until interrupted. Raises: OSError if the port is taken."""
    server = _Server(_config(app, port))
    server.run()
    if not server.ready.is_set():
        raise OSError(f"port {port} is in use")
