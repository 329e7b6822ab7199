"""Webhook signatures: every scheme's known answer, and everything that must be refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmwire.errors import WebhookRefused
from crmwire.signatures import sign, verify
from crmwire.types import Feed, SignatureScheme, WebhookRequest

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SECRET = "a-secret-for-tests"
BODY = '{"greeting": "Grüße, {name}", "n": 1}'.encode()
KEY_IN_BASE64 = "whsec_dHdlbnR5LWZvdXItYnl0ZXMtb2Yta2V5"


def stripe_like(header: str, name: str, tolerance: float | None) -> SignatureScheme:
    return SignatureScheme(
        header=header,
        pattern=rf"(?:^|,)(?:t=(?P<t>[0-9]+)|{name}=(?P<sig>[0-9a-f]+))(?=,|$)",
        template="t={timestamp}," + name + "={signature}",
        signed="{timestamp}.{body}",
        tolerance=tolerance,
    )


SCHEMES: Mapping[str, SignatureScheme] = {
    "acuity": SignatureScheme(header="X-Acuity-Signature", encoding="base64"),
    "calcom": SignatureScheme(header="X-Cal-Signature-256"),
    "calendly": stripe_like("Calendly-Webhook-Signature", "v1", 180),
    "intercom": SignatureScheme(
        header="X-Hub-Signature",
        pattern="^sha1=(?P<sig>.+)$",
        template="sha1={signature}",
        algorithm="sha1",
    ),
    "jicoo": stripe_like("Jicoo-Webhook-Signature", "v1", 300),
    "oncehub": stripe_like("Oncehub-Signature", "s", 300),
    "savvycal": SignatureScheme(
        header="x-savvycal-signature",
        pattern="^sha256=(?P<sig>.+)$",
        template="sha256={signature}",
        encoding="HEX",
    ),
    "standard": SignatureScheme(
        header="webhook-signature",
        pattern=r"(?:^| )v1,(?P<sig>[^ ]+)",
        template="v1,{signature}",
        encoding="base64",
        signed="{id}.{timestamp}.{body}",
        id_header="webhook-id",
        timestamp_header="webhook-timestamp",
        secret_prefix="whsec_",
        tolerance=300,
    ),
    "timerex": SignatureScheme(header="x-timerex-authorization", algorithm="static"),
    "zendesk": SignatureScheme(
        header="x-zendesk-webhook-signature",
        encoding="base64",
        signed="{timestamp}{body}",
        timestamp_header="x-zendesk-webhook-signature-timestamp",
        tolerance=300,
    ),
    "zoom": SignatureScheme(
        header="x-zm-signature",
        pattern="^v0=(?P<sig>.+)$",
        template="v0={signature}",
        signed="v0:{timestamp}:{body}",
        timestamp_header="x-zm-request-timestamp",
        tolerance=300,
    ),
}

# Worked out with `openssl dgst -hmac` over BODY, not with the code under test.
_PLAIN = "bbdc568561c9795b4d19f23e2522575cd7aa52e3637ffd78dd5068bc481a5250"
_DATED = "df67b0e66fb5be0f7c7b7a4d66af1098edfd31dc9446ecb5a62517ef7935e589"
KNOWN: Mapping[str, Mapping[str, str]] = {
    "acuity": {"X-Acuity-Signature": "u9xWhWHJeVtNGfI+JSJXXNeqUuNjf/143VBovEgaUlA="},
    "calcom": {"X-Cal-Signature-256": _PLAIN},
    "calendly": {"Calendly-Webhook-Signature": f"t=1795510800,v1={_DATED}"},
    "intercom": {"X-Hub-Signature": "sha1=b87fa58b1a9d3f7d975f955e9813aee3840eb2b6"},
    "jicoo": {"Jicoo-Webhook-Signature": f"t=1795510800,v1={_DATED}"},
    "oncehub": {"Oncehub-Signature": f"t=1795510800,s={_DATED}"},
    "savvycal": {"x-savvycal-signature": f"sha256={_PLAIN.upper()}"},
    "standard": {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1795510800",
        "webhook-signature": "v1,Y000VZQLbxBgZqH/QHm+YFgNXnXGX0UN0i18BTVGPTY=",
    },
    "timerex": {"x-timerex-authorization": SECRET},
    "zendesk": {
        "x-zendesk-webhook-signature": "Dgud1htYihyV55b8zkDN8dXe0ISmlyp0OvayzqVkzqk=",
        "x-zendesk-webhook-signature-timestamp": "2026-11-24T09:00:00Z",
    },
    "zoom": {
        "x-zm-signature": "v0=ab6645a5275fcc0e834a10b473db0b2d1daf9f49e4ab1856d6e8fb081649baa9",
        "x-zm-request-timestamp": "1795510800",
    },
}


def secret_of(name: str) -> str:
    return KEY_IN_BASE64 if name == "standard" else SECRET


def request(
    headers: Mapping[str, str], body: bytes = BODY, received_at: datetime = NOW
) -> WebhookRequest:
    lowered = {name.lower(): value for name, value in headers.items()}
    return WebhookRequest(body=body, headers=lowered, received_at=received_at)


def feed(*secrets: str) -> Feed:
    return Feed(name="bookings", source="any", secrets=secrets)


def refusal(scheme: SignatureScheme, feed: Feed, request: WebhookRequest) -> str:
    with pytest.raises(WebhookRefused) as caught:
        verify(scheme, feed, request)
    return str(caught.value)


@pytest.mark.parametrize("name", SCHEMES)
def test_the_known_answer_of_each_scheme_is_accepted(name: str) -> None:
    verify(SCHEMES[name], feed(secret_of(name)), request(KNOWN[name]))


@pytest.mark.parametrize("name", SCHEMES)
def test_each_scheme_is_signed_as_its_source_does(name: str) -> None:
    stamp = KNOWN[name].get("x-zendesk-webhook-signature-timestamp", NOW)
    headers = sign(SCHEMES[name], secret_of(name), BODY, timestamp=stamp, id="msg_1")
    assert headers == KNOWN[name]


@pytest.mark.parametrize("name", SCHEMES)
def test_another_secret_is_refused(name: str) -> None:
    other = "whsec_b3RoZXI=" if name == "standard" else "another"
    assert "secret" in refusal(SCHEMES[name], feed(other), request(KNOWN[name]))


@pytest.mark.parametrize("name", [name for name in SCHEMES if name != "timerex"])
def test_a_changed_body_is_refused(name: str) -> None:
    message = refusal(SCHEMES[name], feed(secret_of(name)), request(KNOWN[name], BODY + b" "))
    assert "the body was changed" in message


@pytest.mark.parametrize("name", SCHEMES)
def test_a_missing_header_is_refused_by_name(name: str) -> None:
    for missing in KNOWN[name]:
        headers = {key: value for key, value in KNOWN[name].items() if key != missing}
        message = refusal(SCHEMES[name], feed(secret_of(name)), request(headers))
        assert f"The header {missing} is missing." in message


@pytest.mark.parametrize("name", SCHEMES)
def test_any_of_several_secrets_will_do(name: str) -> None:
    headers = request(KNOWN[name])
    verify(SCHEMES[name], feed("new", secret_of(name)), headers)
    verify(SCHEMES[name], feed(secret_of(name), "new"), headers)


def test_a_feed_without_a_secret_trusts_nothing() -> None:
    for nothing in (feed(), feed("")):
        assert "no secret" in refusal(SCHEMES["calcom"], nothing, request(KNOWN["calcom"]))
    empty = sign(SCHEMES["calcom"], "", BODY)
    assert "no secret" in refusal(SCHEMES["calcom"], feed(""), request(empty))


@pytest.mark.parametrize("name", [name for name, one in SCHEMES.items() if one.tolerance])
def test_a_signature_too_old_or_from_the_future_is_refused(name: str) -> None:
    scheme = SCHEMES[name]
    assert scheme.tolerance is not None
    allowed = timedelta(seconds=scheme.tolerance)
    second = timedelta(seconds=1)
    for moment in (NOW + allowed, NOW - allowed):
        verify(scheme, feed(secret_of(name)), request(KNOWN[name], received_at=moment))
    for moment, words in (
        (NOW + allowed + second, "s old"),
        (NOW - allowed - second, "in the future"),
    ):
        late = request(KNOWN[name], received_at=moment)
        assert words in refusal(scheme, feed(secret_of(name)), late)


def test_the_timestamp_cannot_be_changed() -> None:
    headers = {"Calendly-Webhook-Signature": f"t=1795510801,v1={_DATED}"}
    assert "wrong" in refusal(SCHEMES["calendly"], feed(SECRET), request(headers))


def test_a_header_without_a_timestamp_is_refused() -> None:
    headers = {"Calendly-Webhook-Signature": f"v1={_DATED}"}
    assert "no timestamp" in refusal(SCHEMES["calendly"], feed(SECRET), request(headers))


def test_a_timestamp_that_is_none_is_refused() -> None:
    for stamp in ("soon", "1e9", "9" * 13, "0000-00-00"):
        headers = sign(SCHEMES["zendesk"], SECRET, BODY, timestamp=stamp)
        message = refusal(SCHEMES["zendesk"], feed(SECRET), request(headers))
        assert "cannot be read" in message


def test_one_of_several_signatures_in_a_header_will_do() -> None:
    old = "v1," + "A" * 43 + "="
    good = KNOWN["standard"]["webhook-signature"]
    for value in (f"{old} {good}", f"{good} {old}", f"v1a,xyz nocomma {good}"):
        headers = {**KNOWN["standard"], "webhook-signature": value}
        verify(SCHEMES["standard"], feed(KEY_IN_BASE64), request(headers))
    headers = {"Calendly-Webhook-Signature": f"t=1795510800,v1={'0' * 64},v1={_DATED}"}
    verify(SCHEMES["calendly"], feed(SECRET), request(headers))


def test_hex_may_be_of_either_case() -> None:
    verify(SCHEMES["calcom"], feed(SECRET), request({"X-Cal-Signature-256": _PLAIN.upper()}))
    lower = {"x-savvycal-signature": f"sha256={_PLAIN}"}
    verify(SCHEMES["savvycal"], feed(SECRET), request(lower))


def test_a_header_of_another_form_is_refused() -> None:
    assert "wrong" in refusal(
        SCHEMES["calcom"], feed(SECRET), request({"X-Cal-Signature-256": "no-secret-provided"})
    )
    unusual = request({"X-Hub-Signature": f"sha256={_PLAIN}"})
    assert "usual form" in refusal(SCHEMES["intercom"], feed(SECRET), unusual)


def test_a_static_token_may_hold_any_letters() -> None:
    for secret in ("clé-🔑", "voilà"):
        on_the_wire = secret.encode().decode("latin-1")
        verify(SCHEMES["timerex"], feed(secret), request({"x-timerex-authorization": on_the_wire}))


def test_a_secret_that_is_not_base64_is_said_to_be_so() -> None:
    message = refusal(SCHEMES["standard"], feed("whsec_%%%"), request(KNOWN["standard"]))
    assert "not base64" in message


def test_no_refusal_tells_the_secret_or_the_right_signature() -> None:
    for name, scheme in SCHEMES.items():
        wrong = {**KNOWN[name], scheme.header: "t=1,v1=00,s=00,sha1=00,sha256=00,v0=00"}
        message = refusal(scheme, feed(secret_of(name)), request(wrong))
        assert SECRET not in message
        assert KEY_IN_BASE64 not in message


HEADER = st.text(st.characters(max_codepoint=255), max_size=80)


@given(st.sampled_from(sorted(SCHEMES)), HEADER, HEADER, st.binary(max_size=50))
@settings(deadline=None)
def test_whatever_comes_in_is_refused_with_a_reason(
    name: str, value: str, stamp: str, body: bytes
) -> None:
    scheme = SCHEMES[name]
    headers = dict.fromkeys(filter(None, (scheme.timestamp_header, scheme.id_header)), stamp)
    assert refusal(scheme, feed(KEY_IN_BASE64), request({**headers, scheme.header: value}, body))


SECRETS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)


@given(st.sampled_from(sorted(SCHEMES)), SECRETS, st.binary())
@settings(deadline=None)
def test_what_is_signed_is_verified(name: str, secret: str, body: bytes) -> None:
    scheme = attrs.evolve(SCHEMES[name], secret_prefix=None)
    secret = secret.strip(" ") or "x"
    headers = sign(scheme, secret, body, timestamp=NOW, id="msg_1")
    on_the_wire = {key: value.encode().decode("latin-1") for key, value in headers.items()}
    verify(scheme, feed(secret), request(on_the_wire, body))


SHARED = Path(__file__).parents[3].parent / "shared" / "payloads" / "_signatures" / "vectors.json"


@pytest.mark.skipif(not SHARED.exists(), reason="the shared known answers are not here")
def test_the_shared_known_answers_are_accepted() -> None:
    for vector in json.loads(SHARED.read_text()):
        then = datetime.fromtimestamp(1_700_000_000, UTC)
        given_ = request(vector["headers"], vector["body"].encode(), then)
        verify(SCHEMES[vector["scheme"]], feed(vector["secret"]), given_)
