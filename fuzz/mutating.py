"""Changing JSON and bytes at random, from a seed."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**63, 10**400, 1e308, float("nan"), float("inf"),
    "", " ", "x" * 5000, "\ud800", "\x00", "0", "-1", "not-a-number", "2026-13-45",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9" * 5000,
    [], [None], [[]], [{}], [1, "a", None], {}, {"": None}, {"id": None}, {"id": {"id": []}},
    "<script>", "../../etc/passwd", "{{ 7 * 7 }}", "' OR 1=1 --", "https://[", "²", "https://x:y/",
)  # fmt: skip
"""What may stand in the place of any part."""


def read(body: bytes) -> Any:
    """The JSON of a body, None if it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _place(chance: random.Random, data: Any) -> tuple[Any, Any] | None:
    """A container within the data and one of its keys, any depth being as likely."""
    found = None
    at = data
    while isinstance(at, dict | list) and at:
        key: Any = chance.choice(list(at)) if isinstance(at, dict) else chance.randrange(len(at))
        found = (at, key)
        if chance.random() < 0.25:
            break
        at = at[key]
    return found


def value(chance: random.Random) -> Any:
    """Something that may stand in the place of any part, of its own."""
    return copy.deepcopy(chance.choice(VALUES))


def nested(chance: random.Random, inner: Any) -> Any:
    """The value inside a few more objects or lists."""
    for _ in range(chance.choice((1, 2, 60))):
        inner = [inner] if chance.random() < 0.5 else {chance.choice(("id", "x", "")): inner}
    return inner


def changed(chance: random.Random, data: Any) -> Any:
    """The data itself, with one to five parts dropped, replaced, nested or doubled."""
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        place = _place(chance, data)
        if place is None:
            return value(chance)
        container, key = place
        match chance.randrange(6):
            case 0:
                del container[key]
            case 1:
                container[key] = nested(chance, container[key])
            case 2:
                other = _place(chance, data)
                assert other is not None
                container[key] = copy.deepcopy(other[0][other[1]])
            case 3 if isinstance(container, list):
                container.extend(
                    copy.deepcopy(container[key]) for _ in range(chance.choice((1, 300)))
                )
            case _:
                container[key] = value(chance)
    return value(chance) if chance.random() < 0.02 else data


def _huge_number(chance: random.Random) -> bytes:
    digits = b"9" * chance.choice((20, 400, 5000))
    return chance.choice((digits, b"-" + digits, b"1e" + digits[:6], b"0." + digits))


def _as_json(data: Any) -> bytes:
    try:
        return json.dumps(data).encode()
    except ValueError:  # Python writes no number of more than 4300 digits
        return b"9" * 5000


def mangled(chance: random.Random, body: bytes) -> bytes:
    """The bytes with some of them changed, dropped, doubled or cut off."""
    raw = bytearray(body)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(raw) + 1)
        match chance.randrange(6):
            case 0:
                raw[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del raw[place : place + chance.randint(1, 60)]
            case 2:
                raw[place:place] = chance.randbytes(3)
            case 3:
                raw[place:place] = raw[place : place + chance.randint(1, 200)]
            case 4:
                raw[place:place] = chance.choice((b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"\0"))
            case _:
                del raw[place:]
    return bytes(raw)


def _doubled_keys(chance: random.Random, body: bytes) -> bytes:
    """The object with keys of its own written a second time, as something else."""
    data = read(body)
    if not isinstance(data, dict) or not data:
        return mangled(chance, body)
    key = chance.choice(list(data))
    more = b",".join(
        json.dumps(key).encode() + b":" + _as_json(chance.choice(VALUES))
        for _ in range(chance.choice((1, 3, 200)))
    )
    return body.rstrip()[:-1] + b"," + more + b"}"


def _deep(chance: random.Random) -> bytes:
    depth = chance.choice((100, 900, 1100, 20_000, 100_000))
    open_, close = chance.choice(((b"[", b"]"), (b'{"a":', b"}")))
    return open_ * depth + b"1" + (close * depth if chance.random() < 0.7 else b"")


def body(chance: random.Random, sample: bytes) -> bytes:
    """A body made out of a sample, or out of nothing."""
    pick = chance.random()
    if pick < 0.55 and (data := read(sample)) is not None:
        return _as_json(changed(chance, data))
    if pick < 0.80:
        return mangled(chance, sample)
    if pick < 0.86:
        return _doubled_keys(chance, sample)
    if pick < 0.88:
        return _deep(chance)
    if pick < 0.91:
        spots = [place for place, byte in enumerate(sample) if 48 <= byte <= 57]
        place = chance.choice(spots) if spots else 0
        return sample[:place] + _huge_number(chance) + sample[place + 1 :]
    if pick < 0.94:
        return chance.choice((b"\xef\xbb\xbf", b"\xff\xfe")) + sample
    if pick < 0.96:
        return sample.decode("utf-8", "replace").encode(
            chance.choice(("utf-16", "utf-32", "utf-7"))
        )
    return chance.randbytes(chance.choice((0, 1, 10, 300, 3000)))


def endless(seed: int, start: int = 0) -> Iterator[random.Random]:
    """One source of chance for each case, so that every case can be repeated by itself."""
    number = start
    while True:
        yield random.Random(f"{seed}/{number}")
        number += 1
