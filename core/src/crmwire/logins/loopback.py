"""Waiting on this machine for a browser that comes back from a login (RFC 8252, 7.3)."""

from __future__ import annotations

import contextlib
import errno
import http.server
import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import Self, TypeVar
from urllib.parse import parse_qs, urlsplit

from crmwire.errors import ConfigurationError, CrmwireError, LoginFailed
from crmwire.logins.pages import HEADERS, page

PATH = "/oauth/callback"
PORT = 8765
"""Vendors compare the whole address with the registered one, so that the port must be known."""

T = TypeVar("T")


class _Visit:
    """One call of our address, to be answered."""

    def __init__(self, query: str) -> None:
        self.query = query
        self.answer: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
        self.answered = threading.Event()

    def tell(self, status: int, text: str) -> None:
        """Answer, and let the page reach the browser before the command ends."""
        self.answer.put((status, text))
        self.answered.wait(2.0)


class Loopback:
    """Listens on this machine alone, for the length of a `with` block. Port 0 is any free one."""

    def __init__(self, port: int = PORT) -> None:
        visits: queue.SimpleQueue[_Visit] = queue.SimpleQueue()
        self._visits = visits

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 10.0

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                # A page elsewhere may reach us by a name of its own that leads to this machine.
                named = (self.headers.get("Host") or "").rpartition(":")[0]
                if parts.path != PATH or named not in ("localhost", "127.0.0.1", "[::1]"):
                    self._say(404, page("There is nothing here."))
                    return
                visit = _Visit(parts.query)
                visits.put(visit)
                try:
                    self._say(*visit.answer.get(timeout=120))
                except queue.Empty:
                    self._say(504, page("crmwire has ended meanwhile."))
                finally:
                    visit.answered.set()

            def _say(self, status: int, text: str) -> None:
                content = text.encode()
                self.send_response(status)
                for name, value in HEADERS.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """The address holds a code: it is not logged."""

        try:
            self._servers = [http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)]
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise ConfigurationError(
                f"Port {port} of this machine is in use.",
                remedy="Choose another with --port, and register that address at the vendor.",
            ) from None
        self.port = int(self._servers[0].server_address[1])
        # A browser may try ::1 first; whoever listened there would get the code.
        with contextlib.suppress(OSError):
            self._servers.append(_server6(self.port, Handler))

    @property
    def redirect_uri(self) -> str:
        """What must be registered at the vendor."""
        return f"http://localhost:{self.port}{PATH}"

    def __enter__(self) -> Self:
        for server in self._servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def wait(
        self,
        state: str,
        finish: Callable[[str], T],
        *,
        timeout: float,
        done: Callable[[T], str],
        hint: str = "",
    ) -> T:
        """Wait for the redirect with this state and return what `finish` makes of its query.

        Anything else that comes is refused and waited past. `done` is what the person is told.
        Raises: LoginFailed if nothing came in time; what `finish` raises.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                visit = self._visits.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise LoginFailed(
                    f"Nobody came back from the login within {timeout:g} s.",
                    remedy=" ".join(part for part in (_lost(self.redirect_uri), hint) if part),
                ) from None
            if parse_qs(visit.query).get("state") != [state]:
                visit.tell(400, page("This is not the login that crmwire waits for."))
                continue
            try:
                made = finish(visit.query)
            except CrmwireError as error:
                visit.tell(400, page("You are not logged in.", error.message, error.remedy))
                raise
            visit.tell(200, page("You are logged in.", done(made)))
            return made


def _lost(redirect_uri: str) -> str:
    return (
        "If the vendor's page showed an error instead of coming back, it says why: often the app "
        "is not allowed in the account, its --client-id is mistyped, or its redirect address is "
        f"not {redirect_uri}."
    )


def _server6(
    port: int, handler: type[http.server.BaseHTTPRequestHandler]
) -> http.server.ThreadingHTTPServer:
    class Server6(http.server.ThreadingHTTPServer):
        address_family = socket.AF_INET6

    return Server6(("::1", port), handler)
