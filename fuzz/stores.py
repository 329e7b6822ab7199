"""A machine that went down in the middle of writing, and a disk that lost some bytes.

Images are made of a data folder in use: the database as it is, and its write-ahead log cut off
anywhere, or overwritten from there on with noise. What is opened must be whole and hold the first
so many of the events that were accepted, and all whose commit ended before the cut.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import frozen

from crmwire.errors import CrmwireError, StoreUnavailable
from crmwire.store import Store, setup
from crmwire.store.accepting import dedupe_key
from crmwire.types import Event
from crmwire.vocabulary import Booking, Details, Person
from fuzz import mutating
from fuzz.tally import Tally

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
EVENTS = 400
NAME = "crmwire.db"


@frozen
class Folder:
    """A database in use: what was accepted, and how long the log was when each was durable."""

    database: bytes
    log: bytes
    keys: list[bytes]
    ends: list[int]


def _event(number: int) -> Event:
    return Event(
        type="booking.created",
        subject_id=f"b{number}",
        occurred_at=NOW + timedelta(seconds=number),
        webhook_id=f"w{number}",
        details=Details(
            guest=Person(email=f"guest{number}@example.com", full_name="Ada Example"),
            booking=Booking(start=NOW, notes="x" * (number % 7 * 300)),
        ),
    )


def _filled(folder: Path, chance: random.Random) -> Folder:
    path = folder / NAME
    log = folder / f"{NAME}-wal"
    keys: list[bytes] = []
    ends: list[int] = []
    with closing(Store(path)) as store:
        store.write(
            lambda db: setup.insert_feed(
                db, name="fuzz", team="t", source="calcom", token_hash=b"h", settings={},
                allow_unsigned=True, since=None, now=NOW.timestamp(),
            )
        )  # fmt: skip
    with closing(Store(path)) as store:
        feed = store.feed("fuzz").id
        number = 0
        while number < EVENTS:
            some = [_event(number + more) for more in range(chance.choice((1, 1, 1, 5)))]
            store.accept(feed, some, NOW)
            number += len(some)
            keys += map(dedupe_key, some)
            ends += [log.stat().st_size] * len(some)
        return Folder(path.read_bytes(), log.read_bytes(), keys, ends)


def images(seed: int, count: int) -> Tally:
    """The log cut anywhere, or nonsense from there on."""
    tally = Tally(area="images of the log", seed=seed)
    with tempfile.TemporaryDirectory() as place:
        made = _filled(Path(place), random.Random(seed))
    for number, chance in zip(range(count), mutating.endless(seed), strict=False):
        cut = chance.randrange(len(made.log) + 1)
        kind = chance.choice(("cut", "cut", "noise", "zeros", "at a commit", "one bit"))
        log = made.log[:cut]
        match kind:
            case "noise":
                log += chance.randbytes(len(made.log) - cut)
            case "zeros":
                log += bytes(len(made.log) - cut)
            case "one bit" if cut < len(made.log):
                log += bytes([made.log[cut] ^ 1 << chance.randrange(8)]) + made.log[cut + 1 :]
            case "at a commit":
                cut = chance.choice(made.ends)
                log = made.log[:cut]
        sure = sum(end <= cut for end in made.ends)
        try:
            found = _opened(made.database, log)
        except Exception as error:  # noqa: BLE001  (that is what is looked for)
            tally.outcomes[f"{kind}: broken"] += 1
            tally.trouble(f"{kind}: {type(error).__name__}", f"{seed}/{number} at {cut}: {error}")
            continue
        tally.outcomes[f"{kind}: opened"] += 1
        if found != made.keys[: len(found)]:
            tally.trouble(f"{kind}: no prefix", f"{seed}/{number} at {cut}")
        if len(found) < sure:
            tally.trouble(f"{kind}: lost {sure - len(found)}", f"{seed}/{number} at {cut}")
    tally.measures["events, bytes of log"] = f"{len(made.keys)}, {len(made.log):,}"
    return tally


def _opened(database: bytes, log: bytes) -> list[bytes]:
    """Open an image as the daemon does, and read what it holds. Raises: AssertionError."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / NAME
        path.write_bytes(database)
        path.with_name(f"{NAME}-wal").write_bytes(log)
        with closing(Store(path)) as store:
            store.check()
            with store.read() as db:
                keys = [row[0] for row in db.execute("SELECT dedupe FROM events ORDER BY id")]
            # It goes on from there.
            feed = store.feed("fuzz").id
            assert store.accept(feed, [_event(10**6)], NOW)[0].event_id == len(keys) + 1
            store.check()
        with closing(sqlite3.connect(path)) as conn:
            assert conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return keys


def damaged(seed: int, count: int) -> Tally:
    """The database file damaged: refused clearly, or the damage is in no part that is in use."""
    tally = Tally(area="damaged databases", seed=seed)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        made = _filled(folder, random.Random(seed))
        with closing(Store(folder / NAME)) as store:
            store.truncate_log()
        whole = (folder / NAME).read_bytes()
        for number, chance in zip(range(count), mutating.endless(seed), strict=False):
            shutil.rmtree(folder / "x", ignore_errors=True)
            (folder / "x").mkdir()
            kind, content = _damage(chance, whole)
            outcome = _met(folder / "x" / NAME, content, made.keys)
            tally.outcomes[f"{kind}: {outcome.split('|')[0]}"] += 1
            if not outcome.startswith(("refused", "as it was", "reads otherwise")):
                tally.trouble(f"{kind}: {outcome}", f"{seed}/{number}")
            if kind in ("no database", "cut off", "a page of noise") and outcome == "as it was":
                tally.trouble(f"{kind}: not noticed", f"{seed}/{number}")
    return tally


def _damage(chance: random.Random, whole: bytes) -> tuple[str, bytes]:
    raw = bytearray(whole)
    place = chance.randrange(len(raw))
    match chance.randrange(6):
        case 0:
            return "cut off", bytes(raw[: chance.randrange(1, len(raw) // 4096) * 4096 - 7])
        case 1:
            page = chance.randrange(len(raw) // 4096) * 4096
            raw[page : page + 4096] = chance.randbytes(4096)
            return "a page of noise", bytes(raw)
        case 2:
            raw[place : place + 500] = chance.randbytes(min(500, len(raw) - place))
            return "500 bytes of noise", bytes(raw)
        case 3:
            raw[place] ^= 1 << chance.randrange(8)
            return "one bit", bytes(raw)
        case 4:
            raw[:100] = chance.randbytes(100)
            return "no database", bytes(raw)
        case _:
            page = chance.randrange(1, len(raw) // 4096) * 4096
            raw[page : page + 4096] = bytes(4096)
            return "a page of zeros", bytes(raw)


def _met(path: Path, content: bytes, keys: list[bytes]) -> str:
    """What opening a damaged database comes to."""
    path.write_bytes(content)
    try:
        with closing(Store(path)) as store:
            store.check()
            with store.read() as db:
                found = [row[0] for row in db.execute("SELECT dedupe FROM events ORDER BY id")]
    except StoreUnavailable as error:
        if "restore" in error.remedy and "damaged" in error.message:
            return "refused"
        return f"refused without a way out|{error.message[:120]}"
    except CrmwireError as error:
        return f"{type(error).__name__}|{error.message[:120]}"
    except Exception as error:  # noqa: BLE001  (that is what is looked for)
        return f"a traceback: {type(error).__name__}|{error}"[:200]
    return "as it was" if found == keys else "reads otherwise"
