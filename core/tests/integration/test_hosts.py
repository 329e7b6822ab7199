"""Where tokens go: hundreds of addresses that look right, and a server that counts who comes.

Every connection that would be made, to whatever address and port, ends at the counting server:
an address that passes the gates is seen there even if nothing listens where it points to.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpcore
import pytest

from crmwire.clock import SystemClock
from crmwire.errors import ConfigurationError, CrmwireError, NotAllowed, RetryLater
from crmwire.hosts import checked_base_url, is_public, joined
from crmwire.http import Client, Http
from crmwire.network import CheckedBackend, resolved
from crmwire.pacing import Pacer
from crmwire.sandbox import SandboxServer

SUFFIXES = ("example.com",)
PUBLIC = "93.184.215.14"

LOOPBACK = [
    "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "127.0.0.2", "127.127.127.127", "2130706433",
    "0x7f000001", "0x7f.0.0.1", "0x7f.0x0.0x0.0x1", "0177.0.0.1", "0177.0.0.01", "017700000001",
    "00000177.0.0.1", "0", "0.0.0.0", "0x0", "127.0.0.1%00", "127.0.0.1%2eexample.com",
    "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::1%25lo]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::FFFF:127.0.0.1]", "[::ffff:0:127.0.0.1]", "[::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]",
    "localhost", "LOCALHOST", "localhost.", "LocalHost.localdomain", "ip6-localhost", "loopback",
    "①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1", "127.0.0.1.nip.io", "localtest.me", "::1",
    "127.0.0.1,api.example.com", "127.0.0.1;api.example.com", "127.0.0.1&api.example.com",
]  # fmt: skip
METADATA = [
    "169.254.169.254", "169.254.169.254.", "2852039166", "0xA9FEA9FE", "0xa9.0xfe.0xa9.0xfe",
    "0251.0376.0251.0376", "025177524776", "169.254.43518", "169.16689662", "425.510.425.510",
    "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[fd00:ec2::254]",
    "[fe80::a9fe:a9fe]", "metadata.google.internal", "metadata", "instance-data",
    "100.100.100.200", "192.0.0.192", "168.63.129.16", "169.254.170.2", "169.254.169.254.nip.io",
]  # fmt: skip
PRIVATE = [
    "10.0.0.1", "10.1", "167772161", "0x0a000001", "012.0.0.1", "172.16.0.1", "172.31.255.254",
    "192.168.0.1", "192.168.1", "0300.0250.0.1", "100.64.0.1", "198.18.0.1", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "[fc00::1]", "[fd12:3456::1]", "[fe80::1]", "[fec0::1]",
    "[ff02::1]", "[::ffff:10.0.0.1]", "[::ffff:192.168.0.1]", "intranet",
    "db.internal", "router.local",
]  # fmt: skip
LOOK_ALIKES = [
    "api.example.com.evil.org", "evilexample.com", "api.evilexample.com", "example.comevil.org",
    "example.org", "example.co", "examplecom", "api-example.com", "example-com.evil.org",
    "example.com-evil.org", "api.example.com.", "example.com.", "example.com..", ".example.com",
    "..example.com", "-.example.com", "a..example.com", "-a.example.com", "a-.example.com",
    "*.example.com", "_.example.com", "api_1.example.com", "exаmple.com", "ехample.com",
    "api.exаmple.com", "ｅxample.com", "example。com", "api。example.com", "example．com",
    "ℯxample.com", "examp\u200dle.com", "examp\u00adle.com", "example\u2024com", "exam\u0440le.com",
    "xn--exmple-cua.com", "xn--xample-2of.com", "xn--e1afmkfd.xn--p1ai",
    "example.com\u2215evil.org",
    "example.com\uff0fevil.org", "evil.org\uff03.example.com", "evil.org\u2488example.com",
    "evil.org%2f.example.com", "evil.org%23.example.com", "evil.org%00.example.com",
    "evil.org%5c.example.com", "example.com%2eevil.org", "%65xample.com", "api%2eexample.com",
    "a" * 64 + ".example.com",
]  # fmt: skip
WHOLE = [
    # user names and passwords
    "https://api.example.com@{me}", "https://api.example.com:443@{me}", "https://x@api.example.com",
    "https://x:y@api.example.com", "https://:@api.example.com", "https://@api.example.com",
    "https://api.example.com%40{me}", "https://{me}@api.example.com", "https://{me}%40@api.example.com",
    "https://{me}#@api.example.com", "https://{me}?@api.example.com", "https://{me}/@api.example.com",
    "https://{me};@api.example.com", "https://{me}\\@api.example.com", "https://{me}:443\\@api.example.com",
    "https://api.example.com@api.example.com@{me}", "https://api.example.com&@{me}#@api.example.com",
    # line ends, tabs, spaces and other controls
    "https://api.example.com\r\n", "https://api.example.com\r\nHost: {me}", "https://api.example.com\n.{me}",
    "https://{me}\r\n.example.com", "https://{me}\t.example.com", "https://api.exam\tple.com",
    "https://api.example.com\x00.{me}", "https://{me}\x00.example.com", "\x00https://api.example.com",
    " https://api.example.com", "https://api.example.com ", "https:// api.example.com",
    "https://api.example.com/ HTTP/1.1\r\nHost: {me}", "https://api.example.com/\r\nX-A: b",
    "https://{me}\x0b.example.com", "https://{me}\x7f.example.com", "\ufeffhttps://api.example.com",
    # backslashes
    "https:\\\\api.example.com", "https:\\\\{me}", "https:/\\{me}", "https://{me}\\.example.com",
    "https://{me}\\api.example.com", "https://api.example.com\\{me}", "https:\\/{me}",
    "https://api.example.com\\@{me}", "\\\\{me}", "https://\\{me}",
    # ports
    "https://api.example.com:22", "https://api.example.com:80", "https://api.example.com:8443",
    "https://api.example.com:0", "https://api.example.com:65536", "https://api.example.com:99999",
    "https://api.example.com:-1", "https://api.example.com:x", "https://api.example.com:",
    "https://api.example.com:４４３", "https://api.example.com:443:80", "https://api.example.com:443.{me}",
    "https://api.example.com:+443", "https://api.example.com:4 43", "https://api.example.com:443@{me}/",
    # schemes and forms
    "http://api.example.com", "HTTP://api.example.com", "ftp://api.example.com", "file://{me}/etc",
    "file:///etc/passwd", "gopher://{me}", "ws://{me}", "wss://api.example.com", "javascript://{me}",
    "data:text/plain,x", "https:api.example.com", "https:/api.example.com", "https:///api.example.com",
    "https:////{me}", "//api.example.com", "//{me}", "https://", "https://?", "https://#", "", "://{me}",
    "https+http://{me}", "https://https://{me}", "https://[api.example.com]", "https://[{me}]",
    "https://[::1", "https://::1]", "https://api.example.com/../{me}", "https://api.example.com?x",
    "https://api.example.com#x", "https://api.example.com/%2e%2e", "https://api.example.com/a?b=c",
    "https://api.example.com/;{me}", "unix:///var/run/docker.sock", "https://{me}/https://api.example.com",
    "https://{me}/api.example.com", "https://{me}?api.example.com", "https://{me}#api.example.com",
]  # fmt: skip


def addresses(me: str) -> list[str]:
    """Base URLs that must all be refused; `me` is where the counting server listens."""
    port = me.rpartition(":")[2]
    names = [*LOOPBACK, *METADATA, *PRIVATE]
    made = [f"https://{name}" for name in names]
    made += [f"http://{name}:{port}" for name in [*LOOPBACK, *METADATA[:4]]]
    made += [f"https://{name}" for name in LOOK_ALIKES]
    made += [one.replace("{me}", me) for one in WHOLE]
    return list(dict.fromkeys(made))


class Counter:
    """A server that counts who comes, and keeps what they send."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.came: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                conn, _ = self._socket.accept()
            except OSError:
                return
            self.came.append(b"")
            with conn:
                conn.settimeout(0.2)
                try:
                    self.came[-1] = conn.recv(65536)
                    conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                except OSError:
                    pass

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Trap(httpcore.NetworkBackend):
    """Leads every connection to the counting server, and notes where it was to go."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[str] = []

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        self.asked.append(host)
        return httpcore.SyncBackend().connect_tcp("127.0.0.1", self.port, 1.0)


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    monkeypatch.delenv("CRMWIRE_ALLOW_LOOPBACK", raising=False)
    made = Counter()
    yield made
    made.close()


Resolve = Callable[[str, int], list[str]]
_clients: list[Client] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while _clients:
        _clients.pop().close()


def http_at(base_url: str, resolve: Resolve, plain: httpcore.NetworkBackend | None = None) -> Http:
    clock = SystemClock()
    _clients.append(Client(backend=CheckedBackend(resolve, plain)))
    return Http(
        base_url=base_url,
        headers=lambda: {"Authorization": "Bearer canary-token"},
        pacer=Pacer(clock),
        clock=clock,
        classify=lambda status, headers, body: None,
        read_limits=lambda status, headers: (),
        read_timeout=1.0,
        client=_clients[-1],
    )


def worst(host: str, port: int) -> list[str]:
    """What a hostile name server would answer: this machine, whatever is asked."""
    try:
        socket.inet_pton(socket.AF_INET, host)
    except OSError:
        return ["127.0.0.1"]
    return [host]


def test_there_are_hundreds_of_them(counter: Counter) -> None:
    assert len(addresses(f"127.0.0.1:{counter.port}")) >= 200


def test_no_base_url_of_these_is_taken_or_connected_to(counter: Counter) -> None:
    trap = Trap(counter.port)
    for url in addresses(f"127.0.0.1:{counter.port}"):
        with pytest.raises(ConfigurationError):
            http_at(checked_base_url(url, SUFFIXES), worst, trap).get("me")
        # And if it had been taken: the connection is refused for its address alone.
        with pytest.raises((CrmwireError, UnicodeError)):
            http_at(url, worst, trap).get("me")
    assert (trap.asked, counter.came) == ([], [])


def test_no_link_out_of_an_answer_leads_to_one_of_these(counter: Counter) -> None:
    trap = Trap(counter.port)
    http = http_at("https://api.example.com", lambda host, port: [PUBLIC], trap)
    for url in addresses(f"127.0.0.1:{counter.port}"):
        if "://" not in url:
            continue  # it is a path, and stays below the base URL
        try:
            place = joined(http.base_url, url)
        except NotAllowed:
            with pytest.raises(NotAllowed):
                http.get(url)
            continue
        assert place.startswith("https://api.example.com/"), url
    assert (trap.asked, counter.came) == ([], [])


def test_the_trap_sees_a_connection_that_is_allowed(counter: Counter) -> None:
    trap = Trap(counter.port)
    http = http_at("http://api.example.com", lambda host, port: [PUBLIC], trap)
    assert http.get("me").status == 200
    assert trap.asked == [PUBLIC]
    assert b"canary-token" in counter.came[0]


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example.org/x",
        "@evil.example.org",
        ":8443/x",
        "\\evil.example.org",
        "?u=http://x.org",
    ],
)
def test_what_is_no_whole_url_stays_below_the_base_url(path: str) -> None:
    assert joined("https://api.example.com", path).startswith("https://api.example.com/")


@pytest.mark.parametrize(
    ("link", "place"),
    [
        ("https://api.example.com/next?after=2", "https://api.example.com/next?after=2"),
        ("HTTPS://API.example.com:443/next", "https://api.example.com/next"),
        ("https://api.example.com", "https://api.example.com/"),
    ],
)
def test_links_to_the_very_same_host_are_followed(link: str, place: str) -> None:
    assert joined("https://api.example.com/v1", link) == place


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "168.63.129.16", "192.0.0.192", "::1", "::", "fe80::1%eth0",
        "fd00:ec2::254", "fec0::1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::7f00:1",
        "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "not one",
    ],
)  # fmt: skip
def test_a_vendors_name_that_resolves_to_such_an_address_is_not_connected_to(
    counter: Counter, address: str
) -> None:
    trap = Trap(counter.port)
    for answer in ([address], [PUBLIC, address], [address, PUBLIC]):
        http = http_at("https://api.example.com", lambda host, port, answer=answer: answer, trap)  # type: ignore[misc]
        with pytest.raises(RetryLater, match="no public address") as caught:
            http.get("me")
        assert (caught.value.sent, caught.value.pause) == ("no", True)
    assert (trap.asked, counter.came) == ([], [])


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


def test_a_host_that_the_operator_names_may_be_private_but_not_this_machine(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRMWIRE_PRIVATE_HOSTS", "other.example.com, api.example.com")
    trap = Trap(counter.port)
    for address in ("10.1.2.3", "192.168.0.7", "fd12::1"):
        answer = [address]
        http = http_at("http://api.example.com", lambda host, port, answer=answer: answer, trap)  # type: ignore[misc]
        assert http.get("me").status == 200
    for host, address in (
        ("api.example.com", "127.0.0.1"),
        ("api.example.com", "169.254.169.254"),
        ("api.example.com", "fd00:ec2::254"),
        ("api.example.com", "100.100.100.200"),
        ("sub.api.example.com", "10.1.2.3"),
    ):
        answer = [address]
        with pytest.raises(RetryLater, match="no public address"):
            http_at(f"http://{host}", lambda host, port, answer=answer: answer, trap).get("me")  # type: ignore[misc]
    assert len(trap.asked) == 3


def test_a_name_that_is_bound_anew_is_connected_to_as_it_was_checked(counter: Counter) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"]])
    trap = Trap(counter.port)
    http = http_at("http://api.example.com", lambda host, port: next(answers), trap)
    assert http.get("me").status == 200
    assert trap.asked == [PUBLIC]  # one look-up for one connection
    with pytest.raises(RetryLater, match="no public address"):
        http.get("me")
    assert trap.asked == [PUBLIC]


def test_this_machines_own_names_are_asked_only_behind_the_switch(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for host in ("127.0.0.1", "localhost"):
        url = f"http://{host}:{counter.port}"
        with pytest.raises(ConfigurationError, match="CRMWIRE_ALLOW_LOOPBACK"):
            checked_base_url(url, SUFFIXES)
        with pytest.raises(RetryLater, match="no public address"):
            http_at(url, resolved).get("me")
    assert counter.came == []
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    http = http_at(checked_base_url(f"http://127.0.0.1:{counter.port}", SUFFIXES), resolved)
    assert http.get("me").status == 200
    with pytest.raises(RetryLater):  # the switch opens this machine, not its network
        http_at("http://localhost", lambda host, port: ["10.0.0.1"]).get("me")
    with pytest.raises(RetryLater):  # nor a vendor's name that leads here
        http_at(f"http://api.example.com:{counter.port}", worst).get("me")
    for name in set(LOOPBACK) - {"127.0.0.1", "localhost", "LOCALHOST", "[::1]"}:
        with pytest.raises(ConfigurationError):
            checked_base_url(f"http://{name}:{counter.port}", SUFFIXES)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    from starlette.responses import RedirectResponse

    async def away(scope: Any, receive: Any, send: Any) -> None:
        target = f"http://127.0.0.1:{counter.port}/"
        await RedirectResponse(target, status)(scope, receive, send)

    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    with SandboxServer(away) as server:  # type: ignore[arg-type]
        for method in ("get", "post"):
            with pytest.raises(CrmwireError):
                getattr(http_at(server.url, resolved), method)("x")
    assert counter.came == []
