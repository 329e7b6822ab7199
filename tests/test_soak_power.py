"""What a power cut that is played takes back."""

from __future__ import annotations

import struct
from pathlib import Path

from soak.power import Power

WRITTEN, BEGINS, SYNCED = 1, 2, 3
DATABASE, LOG = 1, 2


def _entry(kind: int, file: int, *, number: int = 0, offset: int = 0, size: int = 0,
           old: bytes = b"") -> bytes:  # fmt: skip
    return struct.pack("=6Q", kind, number, file, offset, size, len(old)) + old


def _after(folder: Path, *entries: bytes) -> list[bytes]:
    """What the database and its log hold after a cut; before it, `DATABASE` and `logged`."""
    power = Power(folder / "a.db", folder)
    files = [folder / "a.db", folder / "a.db-wal"]
    for file, content in zip(files, (b"DATABASE", b"logged"), strict=True):
        file.write_bytes(content)
    (folder / "diary").write_bytes(b"".join(entries))
    power.cut()
    assert not (folder / "diary").exists()
    return [file.read_bytes() for file in files]


def test_what_was_written_and_not_synced_is_taken_back_last_first(tmp_path: Path) -> None:
    entries = [
        _entry(WRITTEN, DATABASE, offset=0, size=8, old=b"data"),
        _entry(WRITTEN, DATABASE, offset=0, size=8, old=b"DATA"),
        _entry(WRITTEN, LOG, offset=3, size=3),
    ]
    assert _after(tmp_path, *entries) == [b"dataBASE", b"log"]


def test_what_was_synced_stays_and_only_in_its_own_file(tmp_path: Path) -> None:
    entries = [
        _entry(WRITTEN, LOG, offset=0, size=0),
        _entry(WRITTEN, DATABASE, offset=0, size=8, old=b"data"),
        _entry(BEGINS, LOG, number=1),
        _entry(SYNCED, LOG, number=1),
    ]
    assert _after(tmp_path, *entries) == [b"dataBASE", b"logged"]


def test_what_was_written_while_a_sync_went_on_is_not_synced_by_it(tmp_path: Path) -> None:
    entries = [
        _entry(BEGINS, LOG, number=1),
        _entry(WRITTEN, LOG, offset=3, size=3),
        _entry(SYNCED, LOG, number=1),
    ]
    assert _after(tmp_path, *entries)[1] == b"log"


def test_what_was_not_noted_to_its_end_was_not_done(tmp_path: Path) -> None:
    broken_off = _entry(WRITTEN, LOG, offset=0, size=6, old=b"LOGGED")[:-1]
    assert _after(tmp_path, broken_off) == [b"DATABASE", b"logged"]
