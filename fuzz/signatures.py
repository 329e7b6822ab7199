"""Signatures that are nearly right: of every installed source's scheme, and of every kind.

Nobody who does not know the secret can make a signature of something new. So whatever is taken
must be what was signed, byte for byte, with its own time and id, and the digest written out in
some way that stands for the same bytes; everything else that is taken is a trouble.
"""

from __future__ import annotations

import base64
import random
import re
from datetime import UTC, datetime, timedelta

import attrs

from crmwire.errors import WebhookRefused
from crmwire.signatures import sign, verify
from crmwire.types import Feed, SignatureScheme, WebhookRequest
from fuzz import mutating
from fuzz.samples import SECRET, sources
from fuzz.tally import Tally

OLD = "older-secret-77aa"
OTHER = "whsec_b3RoZXI="
BODY = b'{"event":"BOOKING_CREATED","id":"b1","amount":100}'
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
MADE_UP = {
    "sha1": SignatureScheme(header="x-sig", algorithm="sha1"),
    "HEX": SignatureScheme(header="x-sig", encoding="HEX"),
    "base64, dated": SignatureScheme(
        header="x-sig", encoding="base64", signed="{timestamp}{body}", timestamp_header="x-time",
        tolerance=60.0,
    ),
    "in one header": SignatureScheme(
        header="x-sig", pattern=r"^t=(?P<t>[^,]+),v1=(?P<sig>.+)$", signed="{timestamp}.{body}",
        template="t={timestamp},v1={signature}", tolerance=60.0,
    ),
    "static": SignatureScheme(header="x-token", algorithm="static"),
}  # fmt: skip
"""Kinds that no installed source has."""


def schemes() -> dict[str, SignatureScheme]:
    """Every installed source's scheme, and some that a feed's settings can describe."""
    found = {one.name: one.hooks.source_info().signature for one in sources()}
    return {**{name: one for name, one in found.items() if one is not None}, **MADE_UP}


def mutated(seed: int, count: int) -> Tally:
    """Webhooks that were signed rightly and then changed: taken only if nothing was changed."""
    tally = Tally(area="signatures", seed=seed)
    feed = Feed(name="fuzz", source="fuzz", secrets=(SECRET, OLD))
    known = schemes()
    names = list(known)
    signed = {
        name: sign(one, SECRET, BODY, timestamp=NOW, id="msg_1") for name, one in known.items()
    }
    for name, one in known.items():
        verify(one, feed, _request(signed[name]))  # what is not changed is taken
    for number, chance in zip(range(count), mutating.endless(seed), strict=False):
        name = names[number % len(names)]
        scheme = known[name]
        what, request = _changed(chance, scheme, _request(signed[name]))
        try:
            verify(scheme, feed, request)
        except WebhookRefused:
            tally.outcomes["refused"] += 1
            continue
        except Exception as error:  # noqa: BLE001  (that is what is looked for)
            tally.outcomes["broken"] += 1
            tally.trouble(
                f"{name}: {type(error).__name__}",
                f"{seed}/{number}: {request.headers} {request.body!r}",
            )
            continue
        if _is_equal(scheme, signed[name], request):
            tally.outcomes["taken, equal to what was signed"] += 1
        else:
            tally.outcomes["taken"] += 1
            tally.trouble(
                f"{name}: taken after {what}",
                f"{seed}/{number}: {request.headers} {request.body!r}",
            )
    return tally


def _request(headers: dict[str, str]) -> WebhookRequest:
    low = {name.lower(): value for name, value in headers.items()}
    return WebhookRequest(body=BODY, headers=low, received_at=NOW)


# ---------------------------------------------------------------- what is still the same


def _is_equal(scheme: SignatureScheme, signed: dict[str, str], request: WebhookRequest) -> bool:
    """Whether this is the signed webhook itself, its digest perhaps written otherwise."""
    low = {name.lower(): value for name, value in signed.items()}
    if scheme.algorithm != "static" and request.body != BODY:
        return False
    if scheme.tolerance is not None:
        if abs((request.received_at - NOW).total_seconds()) > scheme.tolerance:
            return False
        stamp = str(int(NOW.timestamp()))
        where = scheme.timestamp_header or scheme.header
        if stamp not in request.headers.get(where.lower(), ""):
            return False
    for header in filter(None, (scheme.timestamp_header, scheme.id_header)):
        if request.headers.get(header.lower(), "").strip(" \t") != low[header.lower()]:
            return False
    given = request.headers.get(scheme.header.lower(), "")
    if scheme.algorithm == "static":
        return given.strip(" \t").removeprefix("Bearer ") in (SECRET, OLD)
    return _holds(scheme, given, low[scheme.header.lower()])


def _holds(scheme: SignatureScheme, given: str, signed: str) -> bool:
    """Whether a header holds the signed one's digest, read as generously as any reader would."""
    written = re.findall(scheme.pattern, signed)
    digest = max((part for one in written for part in ([one] if isinstance(one, str) else one)),
                 key=len)  # fmt: skip
    if scheme.encoding != "base64":
        return digest.lower() in re.sub(r"\s", "", given).lower()
    # The last letter before the padding has bits that stand for nothing.
    start = digest.rstrip("=")[:-1]
    for found in re.finditer(re.escape(start), given):
        whole = given[found.start() : found.end() + 1] + digest[len(start) + 1 :]
        try:
            if base64.b64decode(whole) == base64.b64decode(digest):
                return True
        except ValueError:
            continue
    return False


# ---------------------------------------------------------------- changes


def _changed(
    chance: random.Random, scheme: SignatureScheme, request: WebhookRequest
) -> tuple[str, WebhookRequest]:
    pick = chance.randrange(12)
    headers = dict(request.headers)
    name = chance.choice(list(headers))
    match pick:
        case 0 | 1 | 2 | 3:
            name = scheme.header.lower()
            headers[name] = _text(chance, headers[name])
            what = "a changed signature"
        case 4:
            headers[name] = _text(chance, headers[name])
            what = f"a changed {name}"
        case 5:
            headers.pop(name)
            what = f"a missing {name}"
        case 6 if scheme.algorithm != "static":
            return "a changed body", attrs.evolve(request, body=_body(chance, request.body))
        case 7 if scheme.algorithm != "static":
            return "a moved border", _moved_border(scheme, request)
        case 8 if scheme.tolerance is not None:
            seconds = scheme.tolerance + chance.choice((1, 60, 10**6))
            late = NOW + timedelta(seconds=seconds * chance.choice((-1, 1)))
            return "another time", attrs.evolve(request, received_at=late)
        case 9:
            secret = chance.choice(
                (" ", SECRET[6:-1], SECRET[6:].lower(), SECRET[6:], "\x00", OTHER)
            )
            wrong = sign(scheme, secret, BODY, timestamp=NOW, id="msg_1")
            headers = {one.lower(): value for one, value in wrong.items()}
            what = "another secret"
        case 10:
            headers[name] = chance.choice(
                ("", "v1,", "t=,v1=", "sha256=", "Bearer ", "null", "0" * 64, "=" * 44, "\xe9",
                 "t=1,v1=" + "0" * 64, "v1," * 5000, "," * 20_000, "t=" + "9" * 5000)
            )  # fmt: skip
            what = f"a senseless {name}"
        case _:
            if scheme.timestamp_header or "?P<t>" in scheme.pattern:
                stamp = str(int(NOW.timestamp()) + chance.choice((-1, 1, 30, -59)))
                where = scheme.timestamp_header or scheme.header
                old = str(int(NOW.timestamp()))
                headers[where.lower()] = headers[where.lower()].replace(old, stamp)
                what = "another timestamp"
            else:
                headers[name] = _text(chance, headers[name])
                what = f"a changed {name}"
    return what, attrs.evolve(request, headers=headers)


def _body(chance: random.Random, body: bytes) -> bytes:
    changed = mutating.mangled(chance, body)
    return changed if changed != body else body + b" "


def _moved_border(scheme: SignatureScheme, request: WebhookRequest) -> WebhookRequest:
    """Bytes of the body moved into the header before it, or the other way round."""
    headers = dict(request.headers)
    where = (scheme.timestamp_header or scheme.id_header or scheme.header).lower()
    if scheme.timestamp_header and len(request.body) % 2:
        moved = headers[where][-1:]
        headers[where] = headers[where][:-1]
        return attrs.evolve(request, headers=headers, body=moved.encode() + request.body)
    headers[where] += request.body[:1].decode("latin-1")
    return attrs.evolve(request, headers=headers, body=request.body[1:])


def _text(chance: random.Random, text: str) -> str:
    """The text with a character or two changed, dropped, doubled, in other case, or more of it."""
    place = chance.randrange(len(text)) if text else 0
    match chance.randrange(9):
        case 0:
            return (
                text[:place] + chance.choice("0123456789abcdefXYZ+/=,. \t\xe9") + text[place + 1 :]
            )
        case 1:
            return text[:place] + text[place + 1 :]
        case 2:
            return text[:place] + chance.choice("0af=, .v1t") + text[place:]
        case 3:
            return text.swapcase()
        case 4:
            return text[:place]
        case 5:
            return text + chance.choice((",", " ", "=", "0", "00", text, "," + text[::-1]))
        case 6:
            return chance.choice((",", " ", "v1=", "t=1,", "0", "v1,")) + text
        case 7:
            return text[:place] + text[place:][::-1]
        case _:
            bits = ord(text[place]) ^ (1 << chance.randrange(7)) if text else 0
            return text[:place] + chr(bits) + text[place + 1 :]
