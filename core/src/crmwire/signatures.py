"""One verifier for the signatures of all sources, told apart by their `SignatureScheme`.

Sources differ in the header, in what they sign, in the digest and in how they write it; the rest
is the same for all: the raw bytes of the body are signed, the comparison takes the same time
wherever the first difference is, and any of the feed's secrets will do, so that one can be
replaced while the source still signs with the other.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from crmwire.errors import WebhookRefused

if TYPE_CHECKING:
    from crmwire.types import Feed, SignatureScheme, WebhookRequest


def verify(scheme: SignatureScheme, feed: Feed, request: WebhookRequest) -> None:
    """Return if the webhook was signed with one of the feed's secrets, and not too long ago.

    Raises: WebhookRefused, saying what is missing or wrong.
    """
    secrets = [secret for secret in feed.secrets if secret]
    if not secrets:
        raise WebhookRefused(
            f"The feed {feed.name} has no secret to check the signature with.",
            remedy="Give the feed the secret that the source signs with.",
        )
    matches = list(re.finditer(scheme.pattern, _header(scheme.header, request)))
    given = [match["sig"] for match in matches if match["sig"]]
    if not given:
        raise WebhookRefused(f"The header {scheme.header} holds no signature of the usual form.")
    if scheme.algorithm == "static":
        if not _any_equal(map(str.encode, secrets), [_raw(text) for text in given]):
            raise WebhookRefused(f"The header {scheme.header} does not hold the feed's secret.")
        return
    timestamp = _timestamp(scheme, request, matches)
    id_ = _header(scheme.id_header, request) if scheme.id_header else ""
    expected = (
        _digest(scheme, _key(scheme, secret), timestamp, id_, request.body) for secret in secrets
    )
    if not _any_equal(expected, list(_decoded(scheme, given))):
        raise WebhookRefused("The signature is wrong: another secret, or the body was changed.")
    if scheme.tolerance is not None:
        _check_age(timestamp, request.received_at, scheme.tolerance)


def sign(
    scheme: SignatureScheme,
    secret: str,
    body: bytes,
    *,
    timestamp: datetime | str | None = None,
    id: str = "",  # noqa: A002  (the scheme's own word)
) -> dict[str, str]:
    """The headers that a source with this scheme sends along, for tests and the demo.

    A `timestamp` given as text stands in the headers as it is, a datetime as unix seconds.
    """
    if isinstance(timestamp, datetime):
        timestamp = str(int(timestamp.timestamp()))
    stamp = timestamp or ""
    signature = secret
    if scheme.algorithm != "static":
        digest = _digest(scheme, _key(scheme, secret), stamp, id, body)
        signature = _encoded(scheme, digest)
    headers = {scheme.header: scheme.template.format(signature=signature, timestamp=stamp)}
    if scheme.timestamp_header:
        headers[scheme.timestamp_header] = stamp
    if scheme.id_header:
        headers[scheme.id_header] = id
    return headers


def _header(name: str, request: WebhookRequest) -> str:
    value = request.headers.get(name.lower(), "").strip(" \t")
    if not value:
        raise WebhookRefused(
            f"The header {name} is missing.",
            remedy="Set the feed's secret at the source too, so that it signs its webhooks.",
        )
    return value


def _timestamp(
    scheme: SignatureScheme, request: WebhookRequest, matches: Sequence[re.Match[str]]
) -> str:
    """The time of signing, as the source wrote it; empty where nothing is dated."""
    if scheme.timestamp_header:
        return _header(scheme.timestamp_header, request)
    if "t" not in re.compile(scheme.pattern).groupindex:
        return ""
    found = next((match["t"] for match in matches if match["t"]), None)
    if found is None:
        raise WebhookRefused(f"The header {scheme.header} holds no timestamp.")
    return found


def _key(scheme: SignatureScheme, secret: str) -> bytes:
    prefix = scheme.secret_prefix
    if not prefix or not secret.startswith(prefix):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(prefix), validate=True)
    except ValueError:
        raise WebhookRefused(
            f"The feed's secret is not base64 after {prefix}.",
            remedy="Copy the secret from the source once more.",
        ) from None


def _digest(scheme: SignatureScheme, key: bytes, timestamp: str, id_: str, body: bytes) -> bytes:
    # Never str.format over the body: it may hold braces, and bytes that are no text.
    known = {"{timestamp}": _raw(timestamp), "{id}": _raw(id_), "{body}": body}
    message = b"".join(known.get(part, part.encode()) for part in _signed_parts(scheme.signed))
    # Not hmac.digest: it lets other threads run meanwhile, which takes longer than the digest.
    return hmac.new(key, message, scheme.algorithm).digest()


@lru_cache(maxsize=64)
def _signed_parts(template: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"(\{timestamp\}|\{id\}|\{body\})", template) if part)


def _encoded(scheme: SignatureScheme, digest: bytes) -> str:
    if scheme.encoding == "base64":
        return base64.b64encode(digest).decode()
    return digest.hex().upper() if scheme.encoding == "HEX" else digest.hex()


def _decoded(scheme: SignatureScheme, given: Iterable[str]) -> Iterator[bytes]:
    """The digests that were given; what cannot be one is left out."""
    for text in given:
        try:
            if scheme.encoding == "base64":
                yield base64.b64decode(text, validate=True)
            else:
                yield bytes.fromhex(text)
        except (ValueError, binascii.Error):
            continue


def _raw(text: str) -> bytes:
    """A header's bytes as they came in: HTTP servers decode them as Latin-1."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _any_equal(expected: Iterable[bytes], given: Sequence[bytes]) -> bool:
    """Whether one equals another; all are compared, so that the time tells nothing."""
    found = False
    for one in expected:
        for other in given:
            found |= hmac.compare_digest(one, other)
    return found


def _check_age(timestamp: str, received_at: datetime, tolerance: float) -> None:
    signed_at = _moment(timestamp)
    if signed_at is None:
        raise WebhookRefused("The timestamp of the signature cannot be read.")
    age = received_at.timestamp() - signed_at
    if age > tolerance:
        raise WebhookRefused(
            f"The signature is {age:.0f} s old; {tolerance:.0f} s are allowed.",
            remedy="Check this machine's clock; a webhook that is sent again is signed anew.",
        )
    if age < -tolerance:
        raise WebhookRefused(
            f"The signature is dated {-age:.0f} s in the future.",
            remedy="Check this machine's clock.",
        )


def _moment(timestamp: str) -> float | None:
    """Unix seconds of a timestamp that is written as such or in ISO 8601."""
    if re.fullmatch("[0-9]{1,12}", timestamp):
        return float(timestamp)
    try:
        moment = datetime.fromisoformat(timestamp)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
