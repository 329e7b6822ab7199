"""Where alerts can go: any service that apprise knows, or a webhook of one's own."""

from __future__ import annotations

import base64
import ipaddress
import json
import secrets
import subprocess
import sys
from typing import Literal
from urllib.parse import urlsplit

from crmwire.errors import ConfigurationError
from crmwire.hosts import LOOPBACK_SWITCH, is_loopback, loopback_allowed, may_connect
from crmwire.types import SignatureScheme

ADDRESS, SIGNING = "address", "signing"
"""The names of a target's secrets: where messages go, and what webhooks are signed with."""
TargetKind = Literal["apprise", "webhook"]
STANDARD_WEBHOOKS = SignatureScheme(
    header="webhook-signature",
    pattern=r"(?:^| )v1,(?P<sig>[^ ]+)",
    template="v1,{signature}",
    encoding="base64",
    signed="{id}.{timestamp}.{body}",
    id_header="webhook-id",
    timestamp_header="webhook-timestamp",
    secret_prefix="whsec_",  # noqa: S106  (how secrets begin)
    tolerance=300,
)
"""https://github.com/standard-webhooks/standard-webhooks, spec 1.0.0, read 2026-11."""
_LONGEST_LOOK = 30.0
_SERVICES = "https://github.com/caronc/apprise"


def new_secret() -> str:
    """A secret to sign with: 32 random bytes in base64, as Standard Webhooks writes them."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def checked_secret(secret: str) -> str:
    """Raises: ConfigurationError if it is not of that form, or has under 24 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ConfigurationError(
            "A webhook's secret is whsec_ and 24 to 64 bytes in base64.",
            remedy="Leave it out: crmwire then makes one.",
        )
    return secret


def checked_webhook_url(url: str) -> str:
    """Return `url` if an alert may be posted there: any https address that a person gave.

    This machine is allowed, also without https, only with the switch. Raises: ConfigurationError,
    which never repeats the address: it may be a secret.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        host = ""
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigurationError("That is not a URL.", remedy="Use an https address.")
    if is_loopback(host) and parts.scheme in ("http", "https"):
        if loopback_allowed():
            return url
        raise ConfigurationError(
            f"{host!r} is this machine.",
            remedy=f"Set {LOOPBACK_SWITCH}=1 to send alerts to a program here.",
        )
    if parts.scheme != "https":
        raise ConfigurationError("A webhook's address is https.", remedy="Use an https address.")
    if _is_number(host) and not may_connect(host, host):
        raise ConfigurationError(
            f"{host} is no public address.", remedy="Use the name of the host that receives."
        )
    return url


def _is_number(host: str) -> bool:
    """Whether a host is an address itself; a name is looked up when something is sent."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def service_of(kind: TargetKind, address: str) -> str:
    """What people call the place that an address leads to.

    Raises: ConfigurationError if nothing can be sent there; it never repeats the address.
    """
    if kind == "webhook":
        checked_webhook_url(address)
        return "webhook"
    if not address.partition("://")[2]:
        raise ConfigurationError(
            "That is not an address that apprise knows.",
            remedy="It looks like mailto://user:password@example.com or slack://….",
        )
    answer = _asked({"look": address})
    if "service" not in answer:
        raise ConfigurationError(
            "apprise cannot use that address.",
            remedy=f"See {_SERVICES} for its services and how their addresses are written.",
        )
    return str(answer["service"])


def _asked(job: dict[str, str]) -> dict[str, str]:
    """Ask a child process: apprise is heavy, and reads addresses that people typed."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "crmwire.alerting.child"],
            input=json.dumps(job),
            capture_output=True,
            text=True,
            timeout=_LONGEST_LOOK,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"apprise did not say within {_LONGEST_LOOK:.0f} s whether it can use that address.",
            remedy="Try again when this machine has less to do.",
        ) from None  # the job, which it would show, holds the address
    try:
        answer: dict[str, str] = json.loads(done.stdout)
    except ValueError:
        return {}
    return answer
