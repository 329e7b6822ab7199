"""Secrets at rest."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmwire.app import App
from crmwire.errors import ConfigurationError
from crmwire.store import Store, setup
from crmwire.vault import KeyMissing, Vault, key_file, load_keys, sealed

KEY = {"k1": bytes(32)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "crmwire.db")
    yield store
    store.close()


def test_a_secret_comes_back_and_lies_nowhere_in_the_clear(store: Store, tmp_path: Path) -> None:
    vault = Vault(store, KEY)
    vault.put("connection/1", "token", "canary-secret-value")
    assert vault.get("connection/1", "token") == "canary-secret-value"
    assert vault.get("connection/1", "other") is None
    for file in tmp_path.iterdir():
        assert b"canary-secret" not in file.read_bytes()


def test_a_secret_cannot_be_moved_to_another_row(store: Store) -> None:
    vault = Vault(store, KEY)
    vault.put("connection/1", "token", "one")
    store.write(lambda db: db.execute("UPDATE secrets SET owner = 'connection/2'"))
    with pytest.raises(KeyMissing):
        vault.get("connection/2", "token")


def test_a_changed_bit_or_a_cut_end_in_the_database_is_noticed(store: Store) -> None:
    vault = Vault(store, KEY)
    blob = sealed(KEY["k1"], "feed/1", "signing", "one")
    flipped = [bytes([*blob[:n], blob[n] ^ 1, *blob[n + 1 :]]) for n in range(len(blob))]
    for changed in [*flipped, *(blob[:n] for n in range(len(blob)))]:
        store.write(
            lambda db, changed=changed: setup.put_secret(db, "feed/1", "signing", "k1", changed)
        )
        with pytest.raises(KeyMissing):
            vault.get("feed/1", "signing")


def test_two_rows_that_were_swapped_are_refused_and_the_others_still_read(store: Store) -> None:
    vault = Vault(store, KEY)
    for number in range(4):
        vault.put(f"connection/{number}", "token", f"secret {number}")
    with store.read() as db:
        one, two = (setup.get_secrets(db, f"connection/{n}")["token"] for n in (1, 2))
    store.write(lambda db: setup.put_secret(db, "connection/1", "token", *two))
    store.write(lambda db: setup.put_secret(db, "connection/2", "token", *one))
    for number in (1, 2):
        with pytest.raises(KeyMissing, match="row was changed"):
            vault.get(f"connection/{number}", "token")
    assert vault.get("connection/0", "token") == "secret 0"
    vault.check()  # one damaged row stops its own connection, not all of crmwire


def test_another_key_refuses_to_start_and_overwrites_nothing(store: Store) -> None:
    Vault(store, KEY).put("feed/1", "signing", "one")
    for keys, told in (
        ({"k1": bytes([1]) * 32}, "The key 'k1' in CRMWIRE_KEYS does not decrypt"),
        ({"k2": bytes(32)}, "The key 'k1' .* is not in CRMWIRE_KEYS"),
    ):
        with pytest.raises(KeyMissing, match=told):
            Vault(store, keys).check()
    assert Vault(store, KEY).get("feed/1", "signing") == "one"


def test_the_first_key_is_for_new_secrets_and_the_others_still_read(store: Store) -> None:
    Vault(store, KEY).put("feed/1", "old", "one")
    both = Vault(store, {"k2": bytes([2]) * 32, **KEY})
    both.put("feed/1", "new", "two")
    assert both.all("feed/1") == {"new": "two", "old": "one"}
    with pytest.raises(KeyMissing):
        Vault(store, KEY).get("feed/1", "new")


def test_the_first_run_makes_a_key_file_for_this_user_only_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRMWIRE_KEYS", raising=False)
    monkeypatch.delenv("CRMWIRE_KEY_FILE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    said: list[str] = []
    keys = load_keys(may_create=True, told=said.append)
    assert key_file().stat().st_mode & 0o777 == 0o600
    assert str(key_file()) in said[0]
    assert load_keys(may_create=False) == keys


def test_without_its_key_a_folder_with_secrets_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRMWIRE_KEYS", raising=False)
    monkeypatch.setenv("CRMWIRE_KEY_FILE", str(tmp_path / "keys"))
    with App(tmp_path / "home") as app:
        app.vault.put("feed/1", "signing", "one")
    (tmp_path / "keys").unlink()
    with pytest.raises(KeyMissing, match="holds secrets"):
        App(tmp_path / "home")
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("text", ["", "k1", "k1:short", "k1:" + "!" * 44])
def test_what_is_no_key_is_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRMWIRE_KEYS", raising=False)
    monkeypatch.setenv("CRMWIRE_KEY_FILE", str(tmp_path / "keys"))
    (tmp_path / "keys").write_text(text)
    with pytest.raises(ConfigurationError):
        load_keys(may_create=True)


def test_keys_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    one = base64.b64encode(bytes(32)).decode()
    monkeypatch.setenv("CRMWIRE_KEYS", f"a:{one},b:{one}")
    assert list(load_keys(may_create=False)) == ["a", "b"]
