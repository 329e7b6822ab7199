"""Webhooks over real HTTP: what each gets as its answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from crmwire import UnreadableWebhook, discovery, hookimpl, retaking
from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.demo.processes import Answer, call
from crmwire.errors import StoreUnavailable
from crmwire.heads import BoundedHeads
from crmwire.receiver import receiver
from crmwire.sandbox import SandboxServer
from crmwire.signatures import sign
from crmwire.store import unreadable
from crmwire.types import Event, SignatureScheme, SourceInfo, WebhookRequest
from crmwire.vocabulary import Details, Page

SCHEME = SignatureScheme(
    header="x-signature", pattern=r"^t=(?P<t>\d+),v1=(?P<sig>.+)$",
    signed="{timestamp}.{body}", template="t={timestamp},v1={signature}", tolerance=300.0,
)  # fmt: skip
SECRET = "s3cret"


class Source:
    """A small source: `{"kind", "id", "at"}`."""

    @hookimpl
    def source_info(self) -> SourceInfo:
        return SourceInfo(key="small", title="Small", events=("booking.created",), signature=SCHEME)

    @hookimpl
    def parse_webhook(self, request: WebhookRequest) -> list[Event]:
        try:
            body = json.loads(request.body)
            if body["kind"] == "crash":
                raise ZeroDivisionError
            return [
                Event(
                    type=f"booking.{body['kind']}" if body["kind"] != "other" else "other",
                    subject_id=body["id"],
                    occurred_at=datetime.fromisoformat(body["at"]),
                    ignored="not carried" if body["kind"] == "other" else None,
                    details=Details(page=Page(id="7")),
                )
            ]
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadableWebhook(f"It has no {error}.") from None


@define
class Scene:
    app: App
    url: str
    signed: str
    unsigned: str
    woken: list[str]

    def post(
        self, body: Any, *, path: str | None = None, secret: str = SECRET, **headers: str
    ) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        stamp = headers.pop("stamp", None) or str(int(datetime.now(UTC).timestamp()))
        signature = sign(SCHEME, secret, raw, timestamp=stamp)
        return call(self.url + (path or self.signed), raw=raw, headers={**signature, **headers})


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    class Point:
        name, dist = "small", None

        def load(self) -> Source:
            return Source()

    monkeypatch.setattr(
        discovery, "entry_points", lambda *, group: [Point()] if group == "crmwire.source" else []
    )
    woken: list[str] = []
    with surroundings(tmp_path), App(tmp_path / "home", threaded=True) as app:
        signed = app.add_feed("signed", source="small", signing_secret=SECRET)
        unsigned = app.add_feed("unsigned", source="small", allow_unsigned=True)
        asgi = receiver(app.openings, woken.extend, lambda: {"status": "ok"})
        with SandboxServer(asgi, http=BoundedHeads) as server:
            yield Scene(app, server.url, signed, unsigned, woken)


def created(id_: str = "a") -> dict[str, str]:
    return {"kind": "created", "id": id_, "at": "2026-11-30T12:00:00+00:00"}


def test_an_event_is_accepted_and_a_repeat_is_a_duplicate(scene: Scene) -> None:
    first, again = scene.post(created()), scene.post(created())
    assert (first.status, first.body["status"]) == (202, "accepted")
    assert (again.status, again.body["status"]) == (200, "duplicate")
    assert again.body["events"] == first.body["events"]


def test_an_unknown_address_is_404(scene: Scene) -> None:
    answer = scene.post(created(), path="/in/nobody")
    assert (answer.status, answer.body["error"]) == (404, "unknown_feed")
    assert scene.post(created(), path="/elsewhere").status == 404


def test_a_wrong_signature_is_401(scene: Scene) -> None:
    answer = scene.post(created(), secret="other")
    assert (answer.status, answer.body["error"]) == (401, "bad_signature")


def test_an_old_webhook_is_401(scene: Scene) -> None:
    old = str(int((datetime.now(UTC) - timedelta(minutes=10)).timestamp()))
    assert scene.post(created(), stamp=old).status == 401


def test_a_missing_signature_is_401(scene: Scene) -> None:
    answer = call(scene.url + scene.signed, created())
    assert answer.status == 401


def test_an_unreadable_body_is_kept_if_signed_and_400_if_not(scene: Scene) -> None:
    for body in (b"no json", b"[]", b'{"kind": "created"}', b"\xff\xfe", b'{"kind":"crash"}'):
        answer = scene.post(body)
        assert (answer.status, answer.body["status"]) == (202, "unreadable"), body
    assert len(scene.app.store.unreadable()) == 5
    answer = scene.post(b"no json", path=scene.unsigned)
    assert (answer.status, answer.body["error"]) == (400, "unreadable")
    assert len(scene.app.store.unreadable()) == 5


def test_only_so_many_unreadable_bodies_of_a_feed_are_kept(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unreadable, "MOST_KEPT", 2)
    said = [(scene.post(b"no json").status, scene.post(b'{"kind":"crash"}').status)]
    said += [(scene.post(b"no json").status, scene.post(b'{"kind":"crash"}').status)]
    assert said == [(202, 202), (400, 503)], "what is not kept is not said to be taken"
    assert scene.post(created()).status == 202
    [old, _] = scene.app.store.unreadable()
    retaking.dismiss(scene.app.openings, [old[0]])
    assert scene.post(b"no json").status == 202


def test_an_unknown_kind_is_recorded_as_ignored_with_a_reason(scene: Scene) -> None:
    answer = scene.post({**created(), "kind": "other"})
    assert (answer.status, answer.body["status"]) == (202, "ignored")
    assert answer.body["reason"] == "not carried"
    assert len(answer.body["events"]) == 1


def test_a_large_body_is_413(scene: Scene) -> None:
    answer = scene.post(b"x" * (256 * 1024 + 1))
    assert (answer.status, answer.body["error"]) == (413, "too_large")


def test_another_type_than_json_is_415(scene: Scene) -> None:
    answer = call(scene.url + scene.signed, raw=b"<a/>", headers={"Content-Type": "text/xml"})
    assert (answer.status, answer.body["error"]) == (415, "unsupported_type")


def test_get_is_405_with_what_to_do(scene: Scene) -> None:
    answer = call(scene.url + scene.signed)
    assert (answer.status, answer.body["message"]) == (405, "Webhooks are sent with POST.")


def test_503_only_when_the_store_cannot_commit(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreUnavailable("The store could not commit (disk full).")

    monkeypatch.setattr(scene.app.store, "accept", full)
    answer = scene.post(created())
    assert (answer.status, answer.body["error"]) == (503, "unavailable")


def test_healthz_answers(scene: Scene) -> None:
    assert call(scene.url + "/healthz").body == {"status": "ok"}


def test_a_feed_without_a_secret_takes_nothing_unless_it_is_allowed(scene: Scene) -> None:
    row = scene.app.store.feed("signed")
    scene.app.store.write(lambda db: db.execute("DELETE FROM secrets WHERE name = 'signing'"))
    assert row.name == "signed"
    assert scene.post(created()).status == 401
