"""Bad certificates and slow servers: no byte of a token goes to the first, no call hangs on the
second."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import trustme

from crmwire.clock import SystemClock
from crmwire.errors import RetryLater
from crmwire.http import Client, Http
from crmwire.pacing import Pacer

TOKEN = "canary-token-of-the-account"


class Server:
    """A raw server on this machine; `serve` gets each connection, TLS or not."""

    def __init__(
        self, serve: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None
    ) -> None:
        self._serve, self._tls = serve, tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.connections = 0
        self.handshakes = 0
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                conn, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self.threads.append(threading.Thread(target=self._talk, args=(conn,), daemon=True))
            self.threads[-1].start()

    def _talk(self, plain: socket.socket) -> None:
        plain.settimeout(5)
        with plain:
            try:
                conn = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
                self.handshakes += 1
                with conn:
                    self._serve(conn)
            except OSError:
                pass

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # closing alone would not wake `accept`
        self._socket.close()
        for thread in self.threads:
            thread.join(5)


class Keeper:
    """Keeps what it is sent, and answers."""

    def __init__(self) -> None:
        self.got = b""

    def __call__(self, conn: socket.socket) -> None:
        self.got += conn.recv(65536)
        conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Server | Client]]:
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    made: list[Server | Client] = []
    yield made
    for one in reversed(made):
        one.close()


def http_to(base_url: str, client: Client, read: float = 2.0) -> Http:
    clock = SystemClock()
    return Http(
        base_url=base_url,
        headers=lambda: {"Authorization": f"Bearer {TOKEN}"},
        pacer=Pacer(clock),
        clock=clock,
        classify=lambda status, headers, body: None,
        read_limits=lambda status, headers: (),
        read_timeout=read,
        client=client,
    )


def tls_of(leaf: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context


def trusting(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


OUR_CA = trustme.CA()
OTHER_CA = trustme.CA()
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("leaf", "why"),
    [
        (OUR_CA.issue_cert("api.example.com"), "Hostname mismatch"),
        (OTHER_CA.issue_cert("localhost"), "self-signed certificate|unable to get local issuer"),
        (OUR_CA.issue_cert("localhost", not_after=LONG_AGO), "expired"),
    ],
    ids=["another name", "unknown issuer", "expired"],
)
def test_a_server_with_a_bad_certificate_gets_no_byte_of_the_token(
    servers: list[Server | Client], leaf: trustme.LeafCert, why: str
) -> None:
    keeper = Keeper()
    server, client = Server(keeper, tls_of(leaf)), Client(tls=trusting(OUR_CA))
    servers += [server, client]
    http = http_to(f"https://localhost:{server.port}", client)
    for send in (http.get, http.post):
        with pytest.raises(RetryLater, match=why) as caught:
            send("me")
        assert "certificate" in caught.value.message
        assert (caught.value.sent, caught.value.pause) == ("no", True)
    assert server.connections == 2  # it was reached, and each time the handshake ended it
    assert keeper.got == b""


def test_a_server_with_a_good_certificate_is_asked(servers: list[Server | Client]) -> None:
    keeper = Keeper()
    server = Server(keeper, tls_of(OUR_CA.issue_cert("localhost")))
    client = Client(tls=trusting(OUR_CA))
    servers += [server, client]
    assert http_to(f"https://localhost:{server.port}", client).get("me").status == 200
    assert TOKEN.encode() in keeper.got


def test_an_old_protocol_is_not_spoken(servers: list[Server | Client]) -> None:
    context = tls_of(OUR_CA.issue_cert("localhost"))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    keeper = Keeper()
    server, client = Server(keeper, context), Client(tls=trusting(OUR_CA))
    servers += [server, client]
    with pytest.raises(RetryLater) as caught:
        http_to(f"https://localhost:{server.port}", client).post("me")
    assert (caught.value.sent, keeper.got) == ("no", b"")


def dripping_head(conn: socket.socket) -> None:
    conn.recv(65536)
    conn.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(100):
        conn.sendall(f"x-{number}: y\r\n".encode())
        time.sleep(0.05)


def dripping_body(conn: socket.socket) -> None:
    conn.recv(65536)
    conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    for _ in range(100):
        conn.sendall(b"x")
        time.sleep(0.05)


@pytest.mark.parametrize("serve", [dripping_head, dripping_body])
def test_an_answer_that_drips_in_ends_at_the_deadline(
    servers: list[Server | Client], serve: Callable[[socket.socket], None]
) -> None:
    server, client = Server(serve), Client()
    servers += [server, client]
    http = http_to(f"http://127.0.0.1:{server.port}", client, read=0.5)
    started = time.monotonic()
    with pytest.raises(RetryLater, match="did not answer within") as caught:
        http.post("me")
    assert 0.4 < time.monotonic() - started < 1.0
    assert caught.value.sent == "unknown"


def test_a_handshake_that_never_ends_counts_as_not_sent(servers: list[Server | Client]) -> None:
    def silent(conn: socket.socket) -> None:
        conn.recv(65536)
        time.sleep(2.0)

    server, client = Server(silent), Client(tls=trusting(OUR_CA))
    servers += [server, client]
    http = http_to(f"https://localhost:{server.port}", client, read=0.3)
    started = time.monotonic()
    with pytest.raises(RetryLater) as caught:
        http.post("me")
    assert time.monotonic() - started < 2.5  # three times, with the waits between
    assert caught.value.sent == "no"


def test_the_next_call_has_a_time_of_its_own(servers: list[Server | Client]) -> None:
    def patient(conn: socket.socket) -> None:
        for _ in range(3):
            if not conn.recv(65536):
                return
            time.sleep(0.3)
            conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    server, client = Server(patient), Client()
    servers += [server, client]
    http = http_to(f"http://127.0.0.1:{server.port}", client, read=0.5)
    assert [http.post("me").status for _ in range(3)] == [200, 200, 200]
    assert server.connections == 1
