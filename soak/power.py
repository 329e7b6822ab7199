"""A power cut, played: what was written and not synced is gone, whatever the kernel still has.

`kill -9` alone cannot show whether a commit waits for the disk. A small library (`unsynced.c`) is
loaded before libc and keeps a diary of what a process writes into its database; after a kill
`cut` takes back all that no fsync followed. That is the hardest case that a disk allows: a real
one may keep some of it.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

from attrs import frozen

_SOURCE = Path(__file__).parent / "unsynced.c"
_ENTRY = struct.Struct("=6Q")
_WRITTEN, _SYNC_BEGINS, _SYNCED = 1, 2, 3


def compiler() -> str | None:
    """The C compiler that the library needs, if there is one."""
    return shutil.which("cc")


@frozen
class Power:
    """The power of a process that has the environment `environment()`; nobody else may have the
    database open when it is cut."""

    database: Path
    folder: Path

    def environment(self) -> dict[str, str]:
        library = self.folder / "unsynced.so"
        if not library.exists():
            arguments = ["-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"]
            subprocess.run([compiler() or "cc", *arguments], check=True)
        return {
            "LD_PRELOAD": str(library),
            "SOAK_DATABASE": str(self.database),
            "SOAK_DIARY": str(self._diary),
        }

    @property
    def _diary(self) -> Path:
        return self.folder / "diary"

    def cut(self) -> int:
        """Take back what was not synced; how many writes that were."""
        unsynced = _unsynced(self._diary.read_bytes() if self._diary.exists() else b"")
        paths = {1: self.database, 2: self.database.with_name(self.database.name + "-wal")}
        for file, offset, size, old in reversed(unsynced):
            descriptor = os.open(paths[file], os.O_WRONLY)
            try:
                os.pwrite(descriptor, old, offset)
                os.ftruncate(descriptor, size)
            finally:
                os.close(descriptor)
        self._diary.unlink(missing_ok=True)
        return len(unsynced)


_Change = tuple[int, int, int, bytes]
"""A file, where it was changed, its size before, and what stood there."""


def _unsynced(diary: bytes) -> list[_Change]:
    """The changes that no fsync followed, in order."""
    changes: list[_Change] = []
    begun: dict[tuple[int, int], int] = {}
    at = 0
    while at + _ENTRY.size <= len(diary):
        kind, number, file, offset, size, length = _ENTRY.unpack_from(diary, at)
        at += _ENTRY.size
        if at + length > len(diary):
            break  # killed before it was noted, so it was not done either
        if kind == _WRITTEN:
            changes.append((file, offset, size, diary[at : at + length]))
        elif kind == _SYNC_BEGINS:
            begun[file, number] = len(changes)
        elif kind == _SYNCED:
            upto = begun[file, number]
            kept = [one for one in changes[:upto] if one[0] != file]
            changes = kept + changes[upto:]
            begun = {key: max(0, n - (upto - len(kept))) for key, n in begun.items()}
        at += length
    return changes
