"""Bodies that no source sends: to every parser, and to the receiver as it serves."""

from __future__ import annotations

import asyncio
import gzip
import random
import tempfile
import traceback
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import structlog
from attrs import frozen
from starlette.types import ASGIApp

from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.errors import UnreadableWebhook
from crmwire.receiver import receiver
from crmwire.signatures import sign
from crmwire.testing.event_shapes import misfits
from crmwire.types import WebhookRequest
from fuzz import mutating
from fuzz.calling import Said, post
from fuzz.samples import SECRET, Source, sources
from fuzz.steady import Steady
from fuzz.tally import Tally, quiet

ABREAST = 32
"""Webhooks that are under way at once."""
LONGEST_SAID = 1000
"""Characters of an answer or a reason: a body must not come back in it."""
EXPECTED = {200, 202, 400, 401, 404, 413, 415}
KINDS = (
    "application/json", "application/json; charset=utf-8", "text/plain", "", "text/calendar",
    "application/x-www-form-urlencoded", "application/cloudevents+json", "text/html", "image/png",
    "multipart/form-data; boundary=x", "application/json;charset=\xff", ";;;", "a" * 9000,
)  # fmt: skip


def parsers(seed: int, count: int, start: int = 0) -> Tally:
    """Each source's parser: events that core can keep, or UnreadableWebhook; nothing else."""
    tally = Tally(area="webhooks: parsers", seed=seed, start=start)
    known = sources()
    steady = Steady(count)
    now = datetime.now(UTC)
    for number, chance in enumerate(islice(mutating.endless(seed, start), count), start):
        steady.after(number - start)
        source = chance.choice(known)
        body = mutating.body(chance, source.sample(chance))
        request = WebhookRequest(
            body=body, headers={"content-type": source.content_type}, received_at=now
        )
        try:
            events = source.hooks.parse_webhook(request)
        except UnreadableWebhook as error:
            tally.outcomes["unreadable"] += 1
            if len(error.message) > LONGEST_SAID:
                tally.trouble(f"{source.name}: a message repeats the body", f"{seed}/{number}")
            continue
        except Exception as error:  # noqa: BLE001  (that is what is looked for)
            tally.outcomes["broken"] += 1
            cause = error.__cause__ or error
            last = traceback.extract_tb(cause.__traceback__)[-1]
            where = f"{Path(last.filename).name}:{last.lineno}"
            tally.trouble(
                f"{source.name}: {type(cause).__name__} in {where}",
                f"{seed}/{number}: {cause} {body[:1500]!r}",
            )
            continue
        tally.outcomes["told" if any(not one.ignored for one in events) else "ignored"] += 1
        for event in events:
            for wrong in misfits(event):
                tally.trouble(f"{source.name}: {wrong[:80]}", f"{seed}/{number}: {body[:1500]!r}")
    steady.after(count)
    steady.tell(tally)
    return tally


@frozen
class Door:
    """A feed of a source: where its webhooks go, and whether they must be signed."""

    source: Source
    path: str
    signed: bool


@contextmanager
def serving() -> Iterator[tuple[App, ASGIApp, list[Door]]]:
    """A crmwire with two feeds of each source, one of which takes unsigned webhooks."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(surroundings(folder))
        app = stack.enter_context(App(folder / "home", threaded=True))
        doors = []
        for source in sources():
            more: dict[str, Any] = {"source": source.name, "settings": source.settings}
            signed = source.hooks.source_info().signature is not None
            if signed:
                path = app.add_feed(f"{source.name}-signed", signing_secret=SECRET, **more)
                doors.append(Door(source, path, True))
            path = app.add_feed(f"{source.name}-open", allow_unsigned=True, **more)
            doors.append(Door(source, path, False))
        yield app, receiver(app.openings, lambda _: None, dict), doors


@frozen(kw_only=True)
class Sending:
    """One webhook as it is sent, and how the signature in it stands."""

    path: str
    body: bytes
    headers: list[tuple[bytes, bytes]]
    query: bytes = b""
    parts: int = 1
    ends: bool = True
    signed: bool = True


def sending(chance: random.Random, doors: list[Door]) -> Sending:
    """A webhook at random: its body, and all that surrounds it."""
    door = chance.choice(doors)
    body = mutating.body(chance, door.source.sample(chance))
    headers: list[tuple[bytes, bytes]] = []
    kind = door.source.content_type if chance.random() < 0.85 else chance.choice(KINDS)
    headers.append((b"content-type", kind.encode("latin-1")))
    pick = chance.random()
    if pick < 0.05:
        squeeze = chance.choice((gzip.compress, zlib.compress, lambda raw: raw[::-1]))
        body = squeeze(body)
        name = chance.choice((b"gzip", b"deflate", b"br", b"x-unknown"))
        headers.append((b"content-encoding", name))
    elif pick < 0.052:
        body = body * (1 + 300_000 // (len(body) + 1))
    elif pick < 0.053:
        body = _bomb()
        headers.append((b"content-encoding", b"gzip"))
    signed = True
    if door.signed:
        scheme = door.source.hooks.source_info().signature
        assert scheme is not None
        secret = SECRET
        if chance.random() < 0.1:
            secret, signed = "whsec_b3RoZXI=", False
        at = datetime.now(UTC)
        made = sign(scheme, secret, body, timestamp=at, id=f"msg_{chance.randrange(10**9)}")
        headers += [(n.encode(), v.encode("latin-1")) for n, v in made.items()]
    if chance.random() < 0.05:
        for number in range(chance.choice((1, 20, 2000))):
            name = chance.choice((b"x-more-%d" % number, b"x-more", b"content-length", b"cookie"))
            headers.append((name, chance.randbytes(chance.choice((0, 3, 90)))))
    path = door.path
    if chance.random() < 0.01:
        path = chance.choice(("/in/", "/in/none", path + "/", path + "x", "/in/..%2f", "/IN"))
    return Sending(
        path=path,
        body=body,
        headers=headers,
        query=chance.randbytes(20) if chance.random() < 0.02 else b"",
        parts=chance.choice((1, 1, 1, 2, 40)),
        ends=chance.random() >= 0.005,
        signed=signed,
    )


@cache
def _bomb() -> bytes:
    """A small body that is large once it is unpacked."""
    return gzip.compress(b"0" * 30_000_000)


class _Logged:
    """Counts what the log calls a failure."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def __call__(self, logger: object, method: str, event: Any) -> Any:
        if event.get("event") in ("webhook_failed", "store_unavailable"):
            self._tally.trouble(f"logged: {event.get('error')}"[:200], repr(event))
        raise structlog.DropEvent


def through_receiver(seed: int, count: int, start: int = 0) -> Tally:
    """The receiver as it serves: an answer that says what became of it, and never a 5xx."""
    tally = Tally(area="webhooks: receiver", seed=seed, start=start)
    structlog.configure(processors=[_Logged(tally)])
    try:
        with serving() as (app, asgi, doors):
            asyncio.run(_all(tally, asgi, doors, count))
            with app.store.read() as db:
                kept = db.execute("SELECT count(*) FROM unreadable").fetchone()[0]
                found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
            if kept != tally.outcomes["202 unreadable"]:
                tally.trouble("unreadable answers and what is kept differ", f"{kept}")
            if found != "ok":
                tally.trouble("the database is damaged", found)
    finally:
        structlog.reset_defaults()
        quiet()
    return tally


async def _all(tally: Tally, asgi: ASGIApp, doors: list[Door], count: int) -> None:
    steady = Steady(count)
    numbered = enumerate(islice(mutating.endless(tally.seed, tally.start), count), tally.start)
    while some := [(n, sending(chance, doors)) for n, chance in islice(numbered, ABREAST)]:
        steady.after(some[0][0] - tally.start)
        await asyncio.gather(*(_one(tally, asgi, number, one) for number, one in some))
    steady.after(count)
    steady.tell(tally)


async def _one(tally: Tally, asgi: ASGIApp, number: int, one: Sending) -> None:
    try:
        said = await post(
            asgi, one.path, one.body, one.headers,
            query=one.query, parts=one.parts, ends=one.ends,
        )  # fmt: skip
    except Exception as error:  # noqa: BLE001  (that is what is looked for)
        tally.outcomes["traceback"] += 1
        tally.trouble(f"traceback: {type(error).__name__}", f"{tally.seed}/{number}: {error!r}")
        return
    _judged(tally, number, one, said)


def _judged(tally: Tally, number: int, one: Sending, said: Said) -> None:
    answer = said.json()
    word = answer.get("status") or answer.get("error") if isinstance(answer, dict) else None
    tally.outcomes[f"{said.status} {word}"] += 1
    case = f"{tally.seed}/{number}: {said.status} {said.body[:300]!r} to {one.body[:1000]!r}"
    if said.status not in EXPECTED or not isinstance(word, str):
        tally.trouble(f"answered {said.status} {word}", case)
    if len(said.body) > LONGEST_SAID:
        tally.trouble("a long answer", case)
    if said.status in (200, 202) and not one.signed:
        tally.trouble("wrongly signed and taken", case)
