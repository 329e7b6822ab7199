"""Where keys are kept: found, made, added and removed, and never half written."""

from __future__ import annotations

import base64
import errno
import fcntl
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crmwire import keys
from crmwire.errors import ConfigurationError
from crmwire.keys import KeyMissing, Keyring, key_file, line_of, load_keys, parsed, put_first

ONE, TWO, THREE = bytes(range(32)), bytes([2]) * 32, bytes([3]) * 32


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A key file's path, which the environment names."""
    monkeypatch.delenv("CRMWIRE_KEYS", raising=False)
    monkeypatch.setenv("CRMWIRE_KEY_FILE", str(tmp_path / "config" / "keys"))
    before = os.umask(0)
    yield tmp_path / "config" / "keys"
    os.umask(before)


@pytest.fixture
def written(path: Path) -> Path:
    """A key file with one key."""
    path.parent.mkdir()
    path.write_text(line_of("one", ONE))
    path.chmod(0o600)
    return path


def refuse(name: str, monkeypatch: pytest.MonkeyPatch, *, when: Callable[..., bool]) -> None:
    """Let a function of `os` fail as a disk does, for some arguments."""
    real = getattr(os, name)

    def failing(*arguments: Any, **more: Any) -> Any:
        if when(*arguments):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments, **more)

    monkeypatch.setattr(os, name, failing)


def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The paths that are synced from now on, each with what stands in it just then."""
    real, seen = os.fsync, list[tuple[str, str]]()

    def watched(descriptor: int) -> None:
        there = Path(f"/proc/self/fd/{descriptor}").resolve()
        seen.append((there.name, there.read_text() if there.is_file() else "(folder)"))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    return seen


# ---------------------------------------------------------------- where


def test_the_key_file_is_in_the_users_configuration_unless_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert key_file() == tmp_path / "config" / "keys"
    monkeypatch.delenv("CRMWIRE_KEY_FILE")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert key_file() == tmp_path / ".config" / "crmwire" / "keys"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert key_file() == tmp_path / "xdg" / "crmwire" / "keys"


def test_keys_say_where_they_are_kept(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(written.parent)
    monkeypatch.setenv("CRMWIRE_KEY_FILE", "keys")
    assert load_keys(may_create=False).where == str(written)
    monkeypatch.setenv("CRMWIRE_KEYS", line_of("two", TWO).strip())
    loaded = load_keys(may_create=False)
    assert (loaded.where, loaded.path, dict(loaded)) == ("CRMWIRE_KEYS", None, {"two": TWO})


# ---------------------------------------------------------------- made and loaded


def test_a_key_is_made_for_this_user_alone_and_is_on_disk_before_it_is_used(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk, said = synced(monkeypatch), list[str]()
    made = load_keys(may_create=True, told=said.append)
    assert on_disk == [("keys", path.read_text())]
    assert made.path == path
    assert dict(made) == dict(load_keys(may_create=False))
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    (said_,) = said
    assert f"in {path}." in said_
    assert load_keys(may_create=True, told=said.append) == made
    assert len(said) == 1


def test_no_key_is_made_where_secrets_are_that_need_one(path: Path) -> None:
    with pytest.raises(KeyMissing, match="the data folder holds secrets"):
        load_keys(may_create=False)
    assert not path.exists()


def test_of_two_processes_that_make_the_first_key_both_use_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, said = os.open, list[str]()

    def late(name: Any, *more: Any) -> int:
        Path(name).write_text(line_of("one", ONE))
        return real(name, *more)

    monkeypatch.setattr(os, "open", late)
    loaded = load_keys(may_create=True, told=said.append)
    assert (dict(loaded), loaded.path, said) == ({"one": ONE}, path, [])


def test_a_key_file_that_cannot_be_made_or_read_says_why(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse("open", monkeypatch, when=lambda name, *_: str(name) == str(path))
    with pytest.raises(ConfigurationError, match=r"cannot be made \(No space left on device\)"):
        load_keys(may_create=True)
    path.mkdir()
    with pytest.raises(ConfigurationError, match=r"cannot be read \(Is a directory\)"):
        load_keys(may_create=True)


@pytest.mark.parametrize("inside", ["keys", "deep/keys", "../home/keys"])
def test_a_key_file_in_the_folder_that_it_must_be_outside_of_is_refused(
    inside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRMWIRE_KEY_FILE", str(tmp_path / "home" / inside))
    with pytest.raises(ConfigurationError, match="in the data folder"):
        load_keys(may_create=True, outside=tmp_path / "home")
    assert load_keys(may_create=True, outside=tmp_path / "other")


# ---------------------------------------------------------------- lines


def test_lines_and_keys_are_told_apart() -> None:
    text = line_of("b", TWO) + "\n  " + line_of("a.B_c-9", ONE)
    assert list(parsed(text, "it").items()) == [("b", TWO), ("a.B_c-9", ONE)]
    assert dict(parsed(line_of("b", TWO) * 2, "it")) == {"b": TWO}
    assert parsed(line_of("x" * 64, ONE), "it") == {"x" * 64: ONE}


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


@pytest.mark.parametrize(
    "text",
    [
        encoded(ONE),
        f":{encoded(ONE)}",
        f"{'x' * 65}:{encoded(ONE)}",
        f"é:{encoded(ONE)}",
        f"a/b:{encoded(ONE)}",
        f"a:{encoded(ONE[:31])}",
        f"a:{encoded(ONE + b'x')}",
        f"a:{encoded(ONE)[:-1]}",
        f"a:!{encoded(ONE)}",
        f"a:{encoded(ONE)} a:{encoded(TWO)}",
    ],
)
def test_what_is_no_key_is_refused_and_never_shown(text: str) -> None:
    with pytest.raises(ConfigurationError, match="it does not hold keys") as refused:
        parsed(text, "it")
    assert encoded(ONE)[:10] not in f"{refused.value} {refused.value.remedy}"


def test_a_file_with_nothing_in_it_is_called_empty() -> None:
    with pytest.raises(ConfigurationError, match="it is empty"):
        parsed(" \n", "it")


def test_a_key_file_that_is_no_text_is_refused_like_any_other(written: Path) -> None:
    written.write_bytes(b"\xff\xfe" + line_of("one", ONE).encode())
    with pytest.raises(ConfigurationError, match="does not hold keys"):
        load_keys(may_create=True)


def test_a_new_key_has_an_id_of_its_own_that_tells_the_day() -> None:
    (one, key), (two, other) = keys.new_key(), keys.new_key()
    assert re.fullmatch(r"k20\d{6}-[0-9a-f]{6}", one)
    assert one != two
    assert key != other
    assert len(key) == 32


# ---------------------------------------------------------------- a keyring


def test_a_keyring_is_a_mapping_in_the_order_of_its_keys() -> None:
    ring = Keyring({"b": TWO, "a": ONE})
    assert (list(ring), len(ring), ring["a"], "c" in ring) == (["b", "a"], 2, ONE, False)
    assert ring.find("c") is None


def test_a_key_that_another_process_added_is_found_and_is_for_new_secrets(written: Path) -> None:
    ring = load_keys(may_create=False)
    put_first(written, "two", TWO)
    assert list(ring) == ["one"]
    assert ring.find("one") == ONE
    assert list(ring) == ["one"]  # nothing was missed, nothing is read
    assert ring.find("two") == TWO
    assert list(ring) == ["two", "one"]


def test_a_key_once_known_still_reads_when_it_is_gone_or_another_in_the_file(written: Path) -> None:
    ring = load_keys(may_create=False)
    written.write_text(line_of("two", TWO) + line_of("one", THREE))
    ring.reread()
    assert dict(ring) == {"two": TWO, "one": ONE}
    written.unlink()
    ring.reread()
    assert dict(ring) == {"two": TWO, "one": ONE}
    written.write_text("no keys")
    with pytest.raises(ConfigurationError, match="does not hold keys"):
        ring.reread()


# ---------------------------------------------------------------- changed


def test_a_key_is_added_before_the_others_and_taken_out_again(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk = synced(monkeypatch)
    put_first(written, "two", TWO)
    assert list(parsed(written.read_text(), "it").items()) == [("two", TWO), ("one", ONE)]
    (file, folder) = on_disk  # the new file whole, then its name
    assert file[1] == written.read_text()
    assert folder == ("config", "(folder)")
    put_first(written, "two", TWO)
    assert list(parsed(written.read_text(), "it")) == ["two", "one"]
    put_first(written, "one", ONE)
    assert list(parsed(written.read_text(), "it")) == ["one", "two"]
    keys.take_out(written, "one")
    keys.take_out(written, "one")
    assert list(parsed(written.read_text(), "it")) == ["two"]
    assert sorted(one.name for one in written.parent.iterdir()) == ["keys", "keys.lock"]


def test_an_id_is_never_given_another_key_and_the_only_one_is_never_taken_out(
    written: Path,
) -> None:
    with pytest.raises(ConfigurationError, match="has another key 'one'"):
        put_first(written, "one", TWO)
    with pytest.raises(ConfigurationError, match="'one' is the only key"):
        keys.take_out(written, "one")
    assert parsed(written.read_text(), "it") == {"one": ONE}


def test_who_could_read_the_key_file_can_still_and_nobody_else(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written.chmod(0o640)
    put_first(written, "two", TWO)
    assert written.stat().st_mode & 0o777 == 0o640
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fchown", lambda _, user, group: given.append((user, group)))
    put_first(written, "two", TWO)
    assert given == []  # it is this user's already
    user, group = os.geteuid(), os.getegid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    put_first(written, "two", TWO)
    monkeypatch.undo()
    monkeypatch.setattr(os, "fchown", lambda _, user, group: given.append((user, group)))
    monkeypatch.setattr(os, "getegid", lambda: group + 1)
    put_first(written, "two", TWO)
    assert given == [(user, group)] * 2


def test_while_it_is_written_the_new_file_is_this_users_alone(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written.chmod(0o644)
    real, modes = os.fchmod, list[int]()

    def watched(descriptor: int, mode: int) -> None:
        modes.append(os.fstat(descriptor).st_mode & 0o777)
        real(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", watched)
    put_first(written, "two", TWO)
    assert modes == [0o600]


def test_a_link_to_the_key_file_stays_one(written: Path) -> None:
    link = written.with_name("link")
    link.symlink_to(written)
    put_first(link, "two", TWO)
    assert link.is_symlink()
    assert list(parsed(written.read_text(), "it")) == ["two", "one"]


@pytest.mark.parametrize("step", ["fsync", "fchmod"])
def test_a_full_disk_leaves_the_key_file_as_it_was_and_nothing_beside_it(
    step: str, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(step, monkeypatch, when=lambda *_: True)
    with pytest.raises(ConfigurationError, match=r"cannot be changed \(No space left on device\)"):
        put_first(written, "two", TWO)
    assert parsed(written.read_text(), "it") == {"one": ONE}
    assert sorted(one.name for one in written.parent.iterdir()) == ["keys", "keys.lock"]


def test_who_changes_the_key_file_waits_for_who_changes_it_already(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    real = keys._replace

    def watched(path: Path, new: Any) -> None:
        with path.resolve().with_name("keys.lock").open("a") as other:
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                seen.append(True)
        real(path, new)

    monkeypatch.setattr(keys, "_replace", watched)
    put_first(written, "two", TWO)
    link = written.parent.parent / "link"
    link.symlink_to(written)
    keys.take_out(link, "one")
    assert seen == [True, True]


def test_descriptors_are_given_back(written: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(3):
        put_first(written, "two", TWO)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
