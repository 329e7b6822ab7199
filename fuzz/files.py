"""Files that nobody would write: rows to backfill, webhooks to accept, documents to apply.

Each is refused with its mistakes named, or gives events that core can keep; in bounded time.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from crmwire.app import App
from crmwire.backfilling import FilePast
from crmwire.demo.environment import surroundings
from crmwire.documents import compared, parsed
from crmwire.errors import CrmwireError, UnreadableWebhook
from crmwire.intake import bodies_in
from crmwire.testing.event_shapes import misfits
from crmwire.types import WebhookRequest
from fuzz import mutating
from fuzz.faults import where
from fuzz.samples import ROOM, TOY, Source, sources
from fuzz.steady import Steady
from fuzz.tally import Tally

SLOW = 5.0
"""Seconds of a processor that one file may take."""
LONGEST_SAID = 20_000
"""Characters of a refusal, its problems together: a file must not come back in it."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROWS = (
    {"id": "b-1", "event": "created", "occurred_at": "2026-01-02T08:00:00Z",
     "booking.start": "2026-01-05T09:00:00Z", "booking.end": "2026-01-05T09:30:00+01:00",
     "guest.email": "ada@example.com", "guest.full_name": "Ada Byron",
     "host.email": "host@example.com", "page.id": "intro", "answers.topic": "Engines",
     "tracking.utm_source": "letter", "payment.amount": "12.5"},
    {"id": "b-1", "event": "booking.cancelled", "occurred_at": "2026-01-03T08:00:00Z",
     "booking.start": "2026-01-05T09:00:00Z", "booking.reason": "ill, \"alas\"\nand so on"},
)  # fmt: skip
NESTED = {
    "id": "b-2", "booking": {"start": "2026-01-05T09:00:00Z", "title": "Talk"},
    "guest": {"email": "bob@example.com", "phone": 442079460000}, "answers": {"a": ["x", 1, None]},
}  # fmt: skip
DOCUMENT = """team = "sales"
[feeds.cal]
source = "calcom"
secret = "env:FUZZ_SECRET"
[feeds.rooms]
source = "webhook"
allow_unsigned = true
[feeds.rooms.settings]
id = "data.id"
kind = "event"
zone = "Europe/Paris"
events = {"room.booked" = "booking.created", "room.freed" = {type = "booking.cancelled"}}
fields = {"booking.start" = "data.from", hosts = {path = "data.hosts", email = "mail"}}
[connections.crm]
crm = "hubspot"
token = "env:FUZZ_SECRET"
settings = {budget_share = 0.5, tries = [1, 2.5], zone = "Europe/London"}
[routes.intro]
feed = "cal"
connection = "crm"
page = "intro"
preset = "linktime"
since = 2026-01-01
join_within = 60.0
[routes.intro.fields.person.contacts]
jobtitle = {value = "{{ guest.title }}", write = "if_empty"}
[alerts.ops]
webhook = true
address = "env:FUZZ_SECRET"
digest = "weekly"
"""


def _csv() -> bytes:
    names = list(dict.fromkeys(name for row in ROWS for name in row))
    lines = [",".join(names)]
    lines += [
        ",".join('"' + row.get(one, "").replace('"', '""') + '"' for one in names)
        for row in ROWS * 3
    ]
    return "\r\n".join(lines).encode()


def _lines(objects: list[object]) -> bytes:
    return "\n".join(json.dumps(one) for one in objects).encode()


SAMPLES: dict[str, list[tuple[str, bytes]]] = {
    "rows": [(".csv", _csv()), (".ndjson", _lines([*ROWS, NESTED])), (".jsonl", _lines([NESTED]))],
    "bodies": [(".json", _lines([ROOM])), (".json", json.dumps([ROOM, TOY]).encode()),
               (".ndjson", _lines([ROOM, TOY, ROOM]))],
    "document": [(".toml", DOCUMENT.encode())],
}  # fmt: skip
"""By kind: the end of a file's name, and what such a file holds."""
LITERALS = (
    "true", "-1", "nan", "inf", "9" * 400, '""', '"env:"', '"vault:feed/x"', '"../x"', "[]", "{}",
    "[[1, {a = 2}]]", "{a = {b = {}}}", "2026-13-01", "1979-05-27T07:32:00", '"{{ 7 * 7 }}"',
    '"{{ guest"', '"env:PATH"', '"\\u0000"', "'" + "x" * 5000 + "'",
)  # fmt: skip
"""What may stand behind a `=` of a document."""


def mutated(seed: int, count: int, start: int = 0) -> Tally:
    """Files of each kind, changed at random, and read as the commands read them."""
    tally = Tally(area="files", seed=seed, start=start)
    steady, slowest = Steady(count), 0.0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(surroundings(folder))
        os.environ["FUZZ_SECRET"] = "https://hooks.example.com/x"  # does for all of them
        app = stack.enter_context(App(folder / "home", threaded=True))
        kinds: dict[str, Callable[[Path, random.Random], str]] = {
            "rows": lambda path, _: _rows(tally, path),
            "bodies": _Bodies(tally).read,
            "document": lambda path, _: _document(app, path),
        }
        for number, chance in enumerate(islice(mutating.endless(seed, start), count), start):
            steady.after(number - start)
            kind = list(kinds)[number % len(kinds)]
            path, content = _file(folder, kind, chance)
            path.write_bytes(content)
            before = time.thread_time()
            try:
                outcome = kinds[kind](path, chance)
            except CrmwireError as error:
                outcome = "refused"
                if len(str(error)) > LONGEST_SAID:
                    tally.trouble(f"{kind}: a long refusal", f"{seed}/{number}: {str(error)[:500]}")
            except Exception as error:  # noqa: BLE001  (that is what is looked for)
                outcome = "broken"
                case = f"{seed}/{number} {path.suffix}: {error!r} {content[:1500]!r}"
                tally.trouble(f"{kind}: {where(error)}", case)
            tally.outcomes[f"{kind}: {outcome}"] += 1
            took = time.thread_time() - before
            slowest = max(slowest, took)
            if took > SLOW:
                tally.trouble(f"{kind}: slow", f"{seed}/{number}: {took:.1f} s")
    steady.after(count)
    steady.tell(tally)
    tally.measures["slowest, seconds of a processor"] = round(slowest, 3)
    return tally


def _file(folder: Path, kind: str, chance: random.Random) -> tuple[Path, bytes]:
    """A file of this kind, changed as its form allows, and often enough just broken."""
    ending, content = chance.choice(SAMPLES[kind])
    pick = chance.random()
    if pick < 0.35 or ending == ".json":
        content = mutating.body(chance, content)
    elif ending == ".toml":
        content = b"\n".join(_line(chance, one) for one in content.split(b"\n"))
    elif ending == ".csv":
        cells = content.split(b",")
        for _ in range(chance.choice((1, 2, 5))):
            value = str(mutating.value(chance)).encode("utf-8", "replace")
            cells[chance.randrange(len(cells))] = value.join((b'"', b'"'))
        content = b",".join(cells)
    else:
        content = b"\n".join(mutating.body(chance, one) for one in content.split(b"\n"))
    if chance.random() < 0.1:
        ending = chance.choice((".csv", ".ndjson", ".CSV", ".txt", ""))
    return folder / f"file{ending}", content


def _line(chance: random.Random, line: bytes) -> bytes:
    """A line of a document; now and then with another name or value, twice, or not at all."""
    pick = chance.random()
    name, equals, value = line.partition(b" = ")
    if pick < 0.02 and equals:
        return name + equals + chance.choice(LITERALS).encode()
    if pick < 0.03 and equals:
        return chance.choice((b"x", b'"a b"', b"secret", b"a.b.c")) + equals + value
    if pick < 0.04:
        return chance.choice((b"", line + b"\n" + line, b"[x]", b"[" * 2000))
    return line


def _rows(tally: Tally, path: Path) -> str:
    past = FilePast(path)
    chunk = past.chunk(EPOCH, None)
    for event in chunk.events:
        for wrong in misfits(event):
            tally.trouble(f"rows: {wrong[:80]}", f"{tally.seed}: {event!r}")
    return "told events" if chunk.events else "told none"


class _Bodies:
    """The webhooks of a file, each given to a source's parser."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._sources: list[Source] = sources()

    def read(self, path: Path, chance: random.Random) -> str:
        source, told = chance.choice(self._sources), False
        for _, body in bodies_in(path):
            request = WebhookRequest(body=body, received_at=datetime.now(UTC))
            try:
                events = source.hooks.parse_webhook(request)
            except UnreadableWebhook:
                continue
            told = told or bool(events)
        return "told events" if told else "told none"


def _document(app: App, path: Path) -> str:
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        return "refused"  # by the command itself
    made = compared(app, parsed(text, path.name), path.name)
    return "would change something" if made.changes else "changes nothing"
