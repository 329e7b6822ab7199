"""Which hosts a token may be sent to: https, a suffix that the plugin names, a public address.

Three gates, each by itself enough against most tricks. `checked_base_url` holds an address that
a person, a document or a token answer gave against the plugin's suffixes. `joined` keeps links
out of answers on the host that the token is for. `checked_address` refuses, when the connection
is made, what a name resolves to: the address that was checked is the one connected to, so that
a name that resolves otherwise a moment later gains nothing.
"""

from __future__ import annotations

import ipaddress
import os
import re

from crmwire.errors import ConfigurationError, NotAllowed

LOOPBACK_SWITCH = "CRMWIRE_ALLOW_LOOPBACK"
PRIVATE_SWITCH = "CRMWIRE_PRIVATE_HOSTS"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")

_ADDRESS = re.compile(
    r"(?P<scheme>[a-z]+)://(?P<host>[a-z0-9.-]+|\[::1\])(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?].*)?",
    re.ASCII | re.IGNORECASE,
)
"""Letters, digits, dots and dashes: no user names, no percent signs, no other alphabets."""
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*/?", re.ASCII)
_PORTS = {"https": "443", "http": "80"}


def checked_base_url(url: str, suffixes: tuple[str, ...], called: str = "CRM") -> str:
    """Return `url` without a trailing slash if requests may go there, in its plain form.

    For whatever names a base URL: settings, documents, the `instance_url` of a token answer. A
    suffix `hubapi.com` allows that host and those below it, on the usual port. Loopback hosts are
    allowed, also without https, only while the environment sets CRMWIRE_ALLOW_LOOPBACK=1.
    Raises: ConfigurationError.
    """
    parts = _ADDRESS.fullmatch(url)
    if parts is None or not _PATH.fullmatch(parts["rest"] or ""):
        shown = repr(url[:80]) if "@" not in url else "What was given"
        raise ConfigurationError(
            f"{shown} is not a plain web address.",
            remedy="Write it as https://host.example.com, without user name, query or signs.",
        )
    scheme, host, path = parts["scheme"].lower(), parts["host"].lower(), parts["rest"] or ""
    port = "" if parts["port"] in (None, _PORTS.get(scheme)) else f":{int(parts['port'])}"
    if ".." in path.split("/"):
        raise ConfigurationError(f"The address of {host!r} has a path that leads upwards.")
    plain = f"{scheme}://{host}{port}{path}".rstrip("/")
    if host in _LOOPBACK and scheme in ("http", "https"):
        if loopback_allowed():
            return plain
        raise ConfigurationError(
            f"{host!r} is this machine.",
            remedy=f"Set {LOOPBACK_SWITCH}=1 to talk to a sandbox here.",
        )
    if scheme != "https":
        raise ConfigurationError(f"{url!r} is not https.", remedy="Use an https address.")
    if not _below(host, suffixes):
        raise ConfigurationError(
            f"{host!r} is not a host of this {called}.",
            remedy=f"Use a host that ends in {' or '.join(suffixes)}.",
        )
    if port:
        raise ConfigurationError(
            f"{host!r} is not to be asked on port {port[1:]}.", remedy="Leave the port out."
        )
    return plain


def _below(host: str, suffixes: tuple[str, ...]) -> bool:
    return all(_LABEL.fullmatch(label) for label in host.split(".")) and any(
        host == suffix or host.endswith("." + suffix) for suffix in suffixes
    )


def loopback_allowed() -> bool:
    """Whether this machine may be talked to: for sandboxes, in tests and demonstrations."""
    return os.environ.get(LOOPBACK_SWITCH) == "1"


def joined(base_url: str, path: str, called: str = "CRM") -> str:
    """The URL of a path below the base URL, or of a whole URL of the very same host.

    Links out of answers (the next chunk of a list) are such whole URLs: the token is for one
    host, so that another one is not asked, even if the vendor owns it too.
    Raises: NotAllowed.
    """
    if any(letter < " " or letter == "\x7f" for letter in path):
        raise NotAllowed("A request's path holds control characters; it was not sent.")
    if "://" not in path.partition("?")[0]:
        return f"{base_url}/{path.lstrip('/')}"
    base, other = _ADDRESS.fullmatch(base_url), _ADDRESS.fullmatch(path)
    if base is None or other is None or "\\" in path or _place(base) != _place(other):
        raise NotAllowed(f"The {called}'s answer points to another host; it was not followed.")
    origin = base_url[: len(base_url) - len(base["rest"] or "")]
    return f"{origin}/{(other['rest'] or '').removeprefix('/')}"


def _place(parts: re.Match[str]) -> tuple[str, str, int]:
    scheme = parts["scheme"].lower()
    return scheme, parts["host"].lower(), int(parts["port"] or _PORTS.get(scheme, "0"))


# ---------------------------------------------------------------- addresses

_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NOT_PUBLIC = [
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata service is among them
        "192.88.99.0/24",  # relays of 6to4, no longer in use (RFC 7526)
        "3fff::/20",  # for documentation (RFC 9637)
        "168.63.129.16/32",  # Azure's service of the host: a public address, but never a vendor's
    )
]


_INSIDE = [
    ipaddress.ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
]
_METADATA = ipaddress.ip_address("fd00:ec2::254")


def is_public(address: str) -> bool:
    """Whether an address, as a resolver gives it, is one of the public internet.

    An IPv4 address that stands inside an IPv6 one (mapped, 6to4, NAT64) is looked at itself.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if any(ip in network for network in _NOT_PUBLIC):
            return False
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is None:
            return ip in _UNICAST and ip.is_global
        ip = inner
    if any(ip in network for network in _NOT_PUBLIC):
        return False
    return ip.is_global and not ip.is_multicast


def is_loopback(host: str) -> bool:
    """Whether a host's name is one that this machine has for itself."""
    return host in _LOOPBACK


def may_connect(host: str, address: str) -> bool:
    """Whether a connection to `host` may go to `address`, which its name resolves to.

    A vendor's host has a public address; this machine's own names lead to this machine, if
    loopback is allowed. What an operator named in CRMWIRE_PRIVATE_HOSTS (a scheduling tool of
    one's own, a vendor over a private link) may have an address of a private network.
    """
    if is_loopback(host):
        return loopback_allowed() and ipaddress.ip_address(address).is_loopback
    return is_public(address) or (host in private_hosts() and _is_inside(address))


def private_hosts() -> frozenset[str]:
    """The hosts that the operator allows to have private addresses, by their whole names."""
    return frozenset(os.environ.get(PRIVATE_SWITCH, "").lower().replace(",", " ").split())


def _is_inside(address: str) -> bool:
    """Whether it is an address of a private network: never this machine, nor the link's own.

    The services that tell a machine its cloud's credentials have link-local addresses.
    """
    ip = ipaddress.ip_address(address)
    return ip != _METADATA and any(ip in network for network in _INSIDE)
