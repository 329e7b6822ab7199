"""A rotation of keys, step by step: what it moves to, whom it asks, what it leaves and tells."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmwire.errors import ConfigurationError
from crmwire.keys import Keyring, line_of, load_keys, parsed, put_first, take_out
from crmwire.rotating import KeyState, announce, key_states, removed_key, rotated
from crmwire.store import Store, setup
from crmwire.store import keys as stored_keys
from crmwire.vault import KeyMissing, Vault

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
OLD, NEW, THIRD = bytes(range(32)), bytes([2]) * 32, bytes([3]) * 32


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "crmwire.db")
    yield store
    store.close()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config" / "keys"
    path.parent.mkdir()
    path.write_text(line_of("old", OLD))
    monkeypatch.delenv("CRMWIRE_KEYS", raising=False)
    monkeypatch.setenv("CRMWIRE_KEY_FILE", str(path))
    return path


@pytest.fixture
def vault(store: Store, path: Path) -> Vault:
    """Three secrets under the key `old` of a file."""
    vault = Vault(store, load_keys(may_create=False))
    for number in range(3):
        vault.put(f"connection/{number}", "token", f"canary {number}")
    return vault


def in_environment(store: Store, **keys: bytes) -> Vault:
    return Vault(store, Keyring(keys))


def counts(store: Store) -> dict[str, int]:
    with store.read() as db:
        return stored_keys.count_by_key(db)


def damage(store: Store, owner: str) -> None:
    store.write(
        lambda db: db.execute("UPDATE secrets SET blob = zeroblob(40) WHERE owner = ?", (owner,))
    )


# ---------------------------------------------------------------- the vault's own


def test_a_secret_that_an_earlier_crmwire_encrypted_is_still_read(store: Store) -> None:
    blob = bytes.fromhex(
        "00112233445566778899aabbb9e79ed23d1e6bddc15f77ca29474033d76549a4f5f58e43e1"
    )
    store.write(lambda db: setup.put_secret(db, "connection/1", "token", "old", blob))
    assert in_environment(store, old=OLD).get("connection/1", "token") == "canary é"


def test_a_key_is_tried_on_five_secrets_before_it_is_called_another(
    store: Store, vault: Vault
) -> None:
    for number in range(3, 6):
        vault.put(f"connection/{number}", "token", "x")
    for number in range(4):
        damage(store, f"connection/{number}")
    vault.check()
    damage(store, "connection/4")
    with pytest.raises(KeyMissing, match="does not decrypt what is stored") as refused:
        vault.check()
    assert "restore a backup" in refused.value.remedy


def test_every_key_that_secrets_need_is_checked(store: Store, vault: Vault, path: Path) -> None:
    put_first(path, "new", NEW)
    vault.keys.reread()
    vault.put("connection/9", "token", "x")
    vault.check()
    take_out(path, "old")
    with pytest.raises(KeyMissing, match=r"'old' .* is not in .*keys"):
        Vault(store, load_keys(may_create=False)).check()


def test_an_empty_store_needs_no_key(store: Store) -> None:
    in_environment(store, old=OLD).check()


def test_new_secrets_take_the_first_key_that_was_not_rotated_away(store: Store) -> None:
    vault = in_environment(store, a=OLD, b=NEW, c=THIRD)
    store.write(lambda db: stored_keys.retire(db, ["a"], but=""))
    vault.put("feed/1", "signing", "x")
    assert counts(store) == {"b": 1}
    assert vault.get("feed/1", "signing") == "x"


def test_all_secrets_of_an_owner_come_by_name_and_of_no_other(store: Store, vault: Vault) -> None:
    vault.put("connection/1", "refresh", "two")
    assert vault.all("connection/1") == {"refresh": "two", "token": "canary 1"}
    assert vault.all("connection/7") == {}


# ---------------------------------------------------------------- states


def test_keys_are_told_with_their_secrets_and_those_that_are_gone_too(
    store: Store, vault: Vault, path: Path
) -> None:
    put_first(path, "new", NEW)
    assert key_states(store, vault) == [
        KeyState(id="new", secrets=0, for_new=True, there=True),
        KeyState(id="old", secrets=3, for_new=False, there=True),
    ]
    store.write(lambda db: stored_keys.retire(db, ["new"], but=""))
    assert [one.for_new for one in key_states(store, vault)] == [False, True]
    store.write(lambda db: stored_keys.retire(db, ["old"], but=""))
    assert [one.for_new for one in key_states(store, vault)] == [False, False]
    other = in_environment(store, third=THIRD)
    assert key_states(store, other) == [
        KeyState(id="third", secrets=0, for_new=True, there=True),
        KeyState(id="old", secrets=3, for_new=False, there=False),
    ]


# ---------------------------------------------------------------- rotated


def test_a_rotation_makes_a_key_moves_all_and_tells_what_it_did(
    store: Store, vault: Vault, path: Path, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    done = rotated(tmp_path, store, vault, now=NOW, told=lambda *steps: told.append(steps), batch=2)
    assert (done.moved, done.resumed, done.unreadable, done.idle) == (3, False, (), ("old",))
    assert told == [(2, 3), (3, 3)]
    assert list(parsed(path.read_text(), "it")) == [done.key_id, "old"]
    assert counts(store) == {done.key_id: 3}
    assert [vault.get(f"connection/{n}", "token") for n in range(3)] == [
        f"canary {n}" for n in range(3)
    ]
    (entry,) = store.audit()
    assert (entry.action, entry.kind, entry.name, entry.at) == (
        "rotated",
        "key",
        done.key_id,
        NOW.timestamp(),
    )
    assert entry.detail == {"secrets": 3}
    with store.read() as db:
        assert stored_keys.retired(db) == {"old"}


def test_what_the_old_key_opens_does_not_linger_in_the_log(
    store: Store, vault: Vault, tmp_path: Path
) -> None:
    with store.read() as db:
        blobs = [bytes(row[0]) for row in db.execute("SELECT blob FROM secrets").fetchall()]
    rotated(tmp_path, store, vault, now=NOW)
    log = (tmp_path / "crmwire.db-wal").read_bytes()
    assert not any(blob in log for blob in blobs)


def test_a_second_rotation_begins_anew_and_the_third_key_back_is_idle_too(
    store: Store, vault: Vault, tmp_path: Path
) -> None:
    first = rotated(tmp_path, store, vault, now=NOW)
    second = rotated(tmp_path, store, vault, now=NOW)
    assert (second.moved, second.resumed) == (3, False)
    assert second.idle == (first.key_id, "old")
    assert second.key_id not in (first.key_id, "old")


def test_a_key_that_was_put_first_is_moved_to_once(
    store: Store, vault: Vault, path: Path, tmp_path: Path
) -> None:
    put_first(path, "new", NEW)
    done = rotated(tmp_path, store, vault, now=NOW)
    assert (done.key_id, done.moved, done.resumed) == ("new", 3, True)
    again = rotated(tmp_path, store, vault, now=NOW)
    assert again.key_id not in ("new", "old")  # the first key has them all: this is a new wish


def test_a_key_that_was_rotated_away_is_not_moved_to_again_by_itself(
    store: Store, vault: Vault, path: Path, tmp_path: Path
) -> None:
    damage(store, "connection/1")
    first = rotated(tmp_path, store, vault, now=NOW)
    put_first(path, "old", OLD)
    again = rotated(tmp_path, store, Vault(store, load_keys(may_create=False)), now=NOW)
    assert again.key_id not in ("old", first.key_id)


def test_a_key_that_is_given_is_added_and_moved_to(
    store: Store, vault: Vault, path: Path, tmp_path: Path
) -> None:
    done = rotated(tmp_path, store, vault, now=NOW, given=("new", NEW))
    assert (done.key_id, done.moved, done.resumed) == ("new", 3, False)
    assert list(parsed(path.read_text(), "it").items()) == [("new", NEW), ("old", OLD)]
    again = rotated(tmp_path, store, vault, now=NOW, given=("new", NEW))
    assert (again.key_id, again.moved, again.resumed) == ("new", 0, True)
    back = rotated(tmp_path, store, vault, now=NOW, given=("old", OLD))
    assert (back.key_id, back.moved) == ("old", 3)
    with store.read() as db:
        assert stored_keys.retired(db) == {"new"}


def test_a_key_that_is_given_under_the_id_of_another_is_refused(
    store: Store, vault: Vault, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="another key 'old'"):
        rotated(tmp_path, store, vault, now=NOW, given=("old", NEW))
    assert counts(store) == {"old": 3}


def test_keys_in_the_environment_are_moved_to_but_never_added(
    store: Store, vault: Vault, tmp_path: Path
) -> None:
    alone, both = in_environment(store, old=OLD), in_environment(store, new=NEW, old=OLD)
    for given in (None, ("new", NEW)):
        with pytest.raises(ConfigurationError, match="CRMWIRE_KEYS, which this command cannot"):
            rotated(tmp_path, store, alone, now=NOW, given=given)
    assert rotated(tmp_path, store, both, now=NOW, given=("new", NEW)).moved == 3
    assert rotated(tmp_path, store, both, now=NOW, given=("old", OLD)).moved == 3


def test_another_rotation_of_the_same_folder_is_not_waited_for(
    store: Store, vault: Vault, tmp_path: Path
) -> None:
    with (tmp_path / "keys.lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ConfigurationError, match="Another rotation runs"):
            rotated(tmp_path, store, vault, now=NOW)
    assert counts(store) == {"old": 3}
    assert rotated(tmp_path, store, vault, now=NOW).moved == 3


def test_secrets_whose_key_is_gone_or_that_are_damaged_are_named_and_stay(
    store: Store, vault: Vault, path: Path, tmp_path: Path
) -> None:
    in_environment(store, lost=THIRD).put("feed/1", "signing", "x")
    damage(store, "connection/1")
    told: list[tuple[int, int]] = []
    done = rotated(
        tmp_path,
        store,
        vault,
        now=NOW,
        given=("new", NEW),
        told=lambda *steps: told.append(steps),
        batch=1,
    )
    assert (done.moved, done.unreadable) == (2, ("connection/1 token", "feed/1 signing"))
    assert told == [(1, 4), (1, 4), (2, 4), (2, 4)]
    assert counts(store) == {done.key_id: 2, "lost": 1}
    assert done.idle == ("old",)  # it does not open the damaged one, and never will
    with store.read() as db:
        assert stored_keys.retired(db) == {"lost", "old"}
    (entry,) = store.audit()
    assert entry.detail == {"secrets": 4}


def test_a_damaged_secret_stops_neither_the_next_rotation_nor_the_next_start(
    store: Store, vault: Vault, path: Path, tmp_path: Path
) -> None:
    damage(store, "connection/1")
    first = rotated(tmp_path, store, vault, now=NOW)
    again = rotated(tmp_path, store, vault, now=NOW)
    assert again.key_id not in (first.key_id, "old")
    assert (again.moved, again.resumed) == (2, False)
    assert again.unreadable == first.unreadable == ("connection/1 token",)
    for key_id in again.idle:
        removed_key(store, vault, key_id, NOW)
    assert list(parsed(path.read_text(), "it")) == [again.key_id]
    later = Vault(store, load_keys(may_create=False))
    later.check()
    assert later.get("connection/2", "token") == "canary 2"
    with pytest.raises(KeyMissing, match="token of connection/1 is damaged") as refused:
        later.get("connection/1", "token")
    assert "Give it anew" in refused.value.remedy
    later.put("connection/1", "token", "anew")
    assert rotated(tmp_path, store, later, now=NOW).unreadable == ()


def test_a_secret_whose_key_is_put_back_is_moved_by_the_next_rotation(
    store: Store, vault: Vault, path: Path, tmp_path: Path
) -> None:
    in_environment(store, lost=THIRD).put("feed/1", "signing", "x")
    first = rotated(tmp_path, store, vault, now=NOW, given=("new", NEW))
    assert first.unreadable == ("feed/1 signing",)
    path.write_text(path.read_text() + line_of("lost", THIRD))
    again = rotated(tmp_path, store, vault, now=NOW)
    assert (again.key_id, again.moved, again.unreadable) == ("new", 1, ())


def test_a_link_to_the_key_file_in_the_data_folder_is_no_hindrance(
    store: Store, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "keys").symlink_to(path)
    monkeypatch.setenv("CRMWIRE_KEY_FILE", str(home / "keys"))
    vault = Vault(store, load_keys(may_create=False, outside=home))
    vault.put("connection/1", "token", "x")
    assert rotated(home, store, vault, now=NOW).moved == 1  # its lock is not the rotation's
    assert len(parsed(path.read_text(), "it")) == 2


# ---------------------------------------------------------------- the daemon's keys


def test_nothing_is_moved_to_a_key_that_the_running_daemon_cannot_come_to_know(
    store: Store, vault: Vault, path: Path, tmp_path: Path
) -> None:
    announce(store, in_environment(store, old=OLD))
    with pytest.raises(ConfigurationError, match=r"from CRMWIRE_KEYS, without k\d+"):
        rotated(tmp_path, store, vault, now=NOW, daemon_runs=True)
    assert list(parsed(path.read_text(), "it")) == ["old"]  # and no key is made in vain
    both = in_environment(store, new=NEW, old=OLD)
    with pytest.raises(ConfigurationError, match="without new"):
        rotated(tmp_path, store, both, now=NOW, daemon_runs=True)
    announce(store, both)
    assert rotated(tmp_path, store, both, now=NOW, daemon_runs=True).moved == 3


def test_a_daemon_that_reads_the_same_key_file_comes_to_know_every_key(
    store: Store, vault: Vault, tmp_path: Path
) -> None:
    announce(store, vault)
    with store.read() as db:
        assert stored_keys.announced(db) == (str(tmp_path / "config" / "keys"), ("old",))
    assert rotated(tmp_path, store, vault, now=NOW, daemon_runs=True).moved == 3


def test_a_daemon_that_does_not_run_or_never_said_its_keys_is_not_asked(
    store: Store, vault: Vault, tmp_path: Path
) -> None:
    assert rotated(tmp_path, store, vault, now=NOW, daemon_runs=True).moved == 3
    announce(store, in_environment(store, other=THIRD))
    assert rotated(tmp_path, store, vault, now=NOW).moved == 3


# ---------------------------------------------------------------- removed


def test_a_key_of_the_environment_is_taken_out_by_hand(store: Store) -> None:
    with pytest.raises(ConfigurationError, match="The keys are in CRMWIRE_KEYS") as refused:
        removed_key(store, in_environment(store, old=OLD), "old", NOW)
    assert refused.value.remedy.startswith("Take old out of it")


def test_a_key_is_removed_once_nothing_needs_it_and_nothing_new_is_written_with_it(
    store: Store, vault: Vault, path: Path
) -> None:
    before = Vault(store, Keyring(dict(vault.keys)))
    with pytest.raises(ConfigurationError, match="New secrets are encrypted with old"):
        removed_key(store, vault, "old", NOW)
    with pytest.raises(ConfigurationError, match="no key 'third'") as refused:
        removed_key(store, vault, "third", NOW)
    assert refused.value.remedy == "There are: old."
    put_first(path, "third", THIRD)
    put_first(path, "new", NEW)
    with pytest.raises(ConfigurationError, match="3 secrets are encrypted with old"):
        removed_key(store, vault, "old", NOW)
    removed_key(store, vault, "third", NOW)
    assert list(parsed(path.read_text(), "it")) == ["new", "old"]
    with store.read() as db:
        assert stored_keys.retired(db) == {"third"}
    (entry,) = store.audit()
    assert (entry.action, entry.kind, entry.name, entry.at) == (
        "removed",
        "key",
        "third",
        NOW.timestamp(),
    )
    before.put("feed/1", "signing", "x")
    assert counts(store) == {"old": 4}


# ---------------------------------------------------------------- what is stored of keys


def test_secrets_of_other_keys_are_read_on_in_the_order_of_their_places(store: Store) -> None:
    for key_id, key, owner, name in (
        ("old", OLD, "b", "1"),
        ("old", OLD, "a", "2"),
        ("new", NEW, "a", "1"),
        ("old", OLD, "a", "3"),
        ("third", THIRD, "c", "0"),
    ):
        in_environment(store, **{key_id: key}).put(owner, name, "x")

    def places(after: tuple[str, str], limit: int = 9) -> list[str]:
        with store.read() as db:
            return [row[0] + row[1] for row in stored_keys.not_of(db, "new", after, limit)]

    assert places(("", "")) == ["a2", "a3", "b1", "c0"]
    assert places(("a", "2")) == ["a3", "b1", "c0"]
    assert places(("a", "2"), 1) == ["a3"]
    with store.read() as db:
        assert {key: len(rows) for key, rows in stored_keys.some_of_each(db, 2).items()} == {
            "new": 1,
            "old": 2,
            "third": 1,
        }


def test_a_key_stays_retired_until_it_is_moved_to(store: Store) -> None:
    def retire(*ids: str, but: str) -> frozenset[str]:
        store.write(lambda db: stored_keys.retire(db, ids, but=but))
        with store.read() as db:
            return stored_keys.retired(db)

    assert retire("a", "b", but="b") == {"a"}
    assert retire("c", but="") == {"a", "c"}
    assert retire("b", "c", but="a") == {"b", "c"}
