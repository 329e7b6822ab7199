"""Another key for all secrets: rotated, gone on with, given, removed, and refused."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crmwire import home as homes
from crmwire import rotating
from crmwire.app import App
from crmwire.cli import cli
from crmwire.demo.environment import surroundings
from crmwire.errors import ConfigurationError
from crmwire.keys import Keyring, line_of, new_key, parsed, put_first
from crmwire.setting_up import begun
from crmwire.store import keys as stored_keys
from crmwire.store import setup
from crmwire.vault import KeyMissing, Vault


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with surroundings(tmp_path):
        yield tmp_path


@pytest.fixture
def app(folder: Path) -> Iterator[App]:
    with App(folder / "home") as made:
        for number in range(120):
            made.vault.put(f"connection/{number}", "token", f"canary {number}")
        yield made


def run(*arguments: str, **more: str) -> Result:
    return CliRunner().invoke(cli, ["keys", *arguments], **more)  # type: ignore[arg-type]


def by_key(app: App) -> dict[str, int]:
    with app.store.read() as db:
        return stored_keys.count_by_key(db)


def all_read(app: App, number: int = 120) -> bool:
    return all(app.vault.get(f"connection/{n}", "token") == f"canary {n}" for n in range(number))


def file_keys(folder: Path) -> list[str]:
    return list(parsed((folder / "config" / "keys").read_text(), "it"))


def test_all_secrets_move_to_a_new_key_and_the_old_one_stays_until_it_is_removed(
    app: App, folder: Path
) -> None:
    (old,) = app.vault.keys
    steps: list[tuple[int, int]] = []
    done = app.rotate_keys(told=lambda moved, whole: steps.append((moved, whole)))
    assert (done.moved, done.resumed, done.unreadable, done.idle) == (120, False, (), (old,))
    assert steps == [(50, 120), (100, 120), (120, 120)]  # small transactions
    assert by_key(app) == {done.key_id: 120}
    assert file_keys(folder) == [done.key_id, old]
    assert all_read(app)
    app.remove_key(old)
    assert file_keys(folder) == [done.key_id]
    with App(folder / "home") as again:
        assert all_read(again)
    told = [(one.action, one.kind, one.name) for one in app.store.audit()]
    assert told == [("rotated", "key", done.key_id), ("removed", "key", old)]


def test_a_process_that_was_there_before_reads_and_writes_with_the_new_key(
    app: App, folder: Path
) -> None:
    with App(folder / "home") as daemon:
        done = app.rotate_keys()
        assert all_read(daemon)
        daemon.vault.put("connection/0", "token", "renewed")
        assert by_key(app) == {done.key_id: 120}
        assert app.vault.get("connection/0", "token") == "renewed"


def test_nothing_is_written_with_a_key_that_was_rotated_away(app: App) -> None:
    before = Vault(app.store, Keyring(dict(app.vault.keys)))  # it has no file to look in again
    app.rotate_keys()
    with pytest.raises(KeyMissing, match="rotated away"):
        before.put("connection/0", "token", "lost if it were written")
    assert all_read(app)


def test_a_rotation_that_was_interrupted_goes_on_to_the_same_key(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(moved: int, whole: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        app.rotate_keys(told=interrupted)
    first = by_key(app)
    assert sorted(first.values()) == [50, 70]
    assert all_read(app)
    done = app.rotate_keys()
    assert (done.moved, done.resumed) == (70, True)
    assert by_key(app) == {done.key_id: 120}
    assert done.key_id in first


def test_a_key_that_somebody_put_first_is_taken(app: App, folder: Path) -> None:
    key_id, key = new_key()
    put_first(folder / "config" / "keys", key_id, key)
    done = app.rotate_keys()
    assert (done.key_id, done.moved) == (key_id, 120)


def test_rotation_under_load_loses_nothing(app: App, folder: Path) -> None:
    """Four writers renew and read secrets while keys are rotated three times."""
    stop, failures, last = threading.Event(), list[BaseException](), dict[str, int]()

    def renew(worker: int) -> None:
        with App(folder / "home") as mine:
            number = 0
            while not stop.is_set():
                owner = f"connection/{worker}"
                try:
                    mine.vault.put(owner, "refresh", f"{worker} {number}")
                    assert mine.vault.get(owner, "refresh") == f"{worker} {number}"
                    last[owner] = number
                except BaseException as error:  # noqa: BLE001
                    failures.append(error)
                    return
                number += 1
                time.sleep(0.002)  # SQLite lets who waits starve behind who never rests

    threads = [threading.Thread(target=renew, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        before = dict(last)
        while not failures and any(
            last.get(f"connection/{n}", 0) <= before.get(f"connection/{n}", 0) + 2 for n in range(4)
        ):
            time.sleep(0.001)  # each of them writes between two rotations, and during each
        old = next(iter(app.vault.keys))
        done = app.rotate_keys(batch=10)
        app.remove_key(old)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    with App(folder / "home") as fresh:
        assert all_read(fresh)
        for owner, number in last.items():
            assert fresh.vault.get(owner, "refresh") == f"{owner[-1]} {number}"
        assert by_key(fresh) == {done.key_id: 124}
    assert file_keys(folder) == [done.key_id]


def test_secrets_that_no_key_opens_are_told_and_left_as_they_are(app: App, folder: Path) -> None:
    def damage(db: object) -> None:
        db.execute(  # type: ignore[attr-defined]
            "UPDATE secrets SET blob = zeroblob(40) WHERE owner = 'connection/7'"
        )

    app.store.write(damage)
    (old,) = app.vault.keys
    done = app.rotate_keys()
    assert (done.moved, done.unreadable, done.idle) == (119, ("connection/7 token",), (old,))
    app.remove_key(old)
    with App(folder / "home") as again, pytest.raises(KeyMissing, match="damaged"):
        again.vault.get("connection/7", "token")


DAMAGED = [
    ("connection/1", "token", "token of the connection sales", "connection add toy --name sales"),
    ("connection/1", "access_token", "access_token of the conn", "connect toy --name sales` logs"),
    ("connection/1", "client_secret", "client_secret of the", "--name sales --client-secret-stdin"),
    ("connection/9", "token", "token of connection 9", "no longer there"),
    ("feed/1", "signing", "signing of the feed cal", "feed add cal --source calcom"),
    ("feed/1", "address", "address of the feed cal", "still arrive"),
    ("feed/1", "token", "token of the feed cal", "crmwire feed token cal"),
    ("feed/7", "token", "token of feed 7", "no longer there"),
    ("alert/1", "address", "address of the alert ops", "crmwire alert add ops"),
    ("alert/8", "address", "address of alert 8", "no longer there"),
    ("login/ab", "code_verifier", "code_verifier of a login", "Begin that login again"),
]


@pytest.mark.parametrize(("owner", "name", "what", "remedy"), DAMAGED)
def test_a_damaged_secret_is_named_with_what_to_do(
    folder: Path, owner: str, name: str, what: str, remedy: str
) -> None:
    with App(folder / "home") as app:
        app.vault.put("connection/99", "token", "sound")
        app.store.write(
            lambda db: setup.insert_connection(
                db, name="sales", team="default", crm="toy", settings={}, now=1.0
            )
        )
        app.add_feed("cal", source="calcom", signing_secret="hush")
        app.store.write(
            lambda db: db.execute(
                "INSERT INTO alert_targets (name, team, kind, service, digest, created_at)"
                " VALUES ('ops', 'default', 'webhook', 'x', 'off', 1)"
            )
        )
        app.vault.put(owner, name, "x")
        app.store.write(
            lambda db: db.execute(
                "UPDATE secrets SET blob = zeroblob(40) WHERE owner = ? AND name = ?", (owner, name)
            )
        )
    done = run("rotate", "--yes")
    assert done.exit_code == 1
    assert "no longer needed" not in done.output
    assert len(file_keys(folder)) == 1
    assert what in done.stderr
    assert remedy in done.stderr


def test_a_connection_whose_apps_secret_is_damaged_can_log_in_with_it_given_anew(
    app: App,
) -> None:
    settings = {"client_id": "app"}
    id_ = app.store.write(
        lambda db: setup.insert_connection(
            db, name="sales", team="default", crm="toy", settings=settings, now=1.0
        )
    )
    for name in ("client_secret", "private_key"):
        app.vault.put(f"connection/{id_}", name, name)
    app.store.write(
        lambda db: db.execute("UPDATE secrets SET blob = x'00' WHERE name = 'client_secret'")
    )
    app.rotate_keys()
    row = app.store.connection("sales")
    assert begun.known_secrets(app.openings, row, settings) == {"private_key": "private_key"}


def test_a_key_that_is_needed_or_for_new_secrets_is_not_removed(app: App) -> None:
    (only,) = app.vault.keys
    with pytest.raises(ConfigurationError, match="New secrets"):
        app.remove_key(only)
    with pytest.raises(ConfigurationError, match="no key 'other'"):
        app.remove_key("other")


def test_two_rotations_at_once_are_refused(app: App) -> None:
    def second(moved: int, whole: int) -> None:
        with pytest.raises(ConfigurationError, match="Another rotation"):
            app.rotate_keys()

    assert app.rotate_keys(told=second).moved == 120


def test_the_key_file_stays_this_users_and_no_half_written_one_is_left(
    app: App, folder: Path
) -> None:
    app.rotate_keys()
    files = sorted(path.name for path in (folder / "config").iterdir())
    assert files == ["keys", "keys.lock"]
    assert (folder / "config" / "keys").stat().st_mode & 0o777 == 0o600


def test_a_key_file_in_the_data_folder_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRMWIRE_KEY_FILE", str(folder / "home" / "keys"))
    with pytest.raises(ConfigurationError, match="in the data folder"):
        App(folder / "home")
    assert not (folder / "home" / "keys").exists()


# ---------------------------------------------------------------- keys in the environment


@pytest.fixture
def environment(app: App, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets CRMWIRE_KEYS to the key of the file, with others before it."""
    line = (folder / "config" / "keys").read_text().strip()

    def put(*before: str) -> None:
        monkeypatch.setenv("CRMWIRE_KEYS", ",".join([*before, line]))

    return put


def test_with_keys_in_the_environment_it_says_what_to_do(
    environment: Callable[..., None],
) -> None:
    environment()
    done = run("rotate")
    assert done.exit_code == 2
    assert "`crmwire keys make`" in done.output


def test_a_key_before_the_others_in_the_environment_is_moved_to(
    environment: Callable[..., None], folder: Path
) -> None:
    line = run("make").output.strip()
    environment(line)
    done = json.loads(run("rotate", "--json", "--yes").output)
    assert (done["key"], done["moved"], done["removed"]) == (line.partition(":")[0], 120, [])
    os.environ["CRMWIRE_KEYS"] = line  # the old one is taken out by hand
    with App(folder / "home") as app:
        assert all_read(app)


def test_nothing_is_moved_to_a_key_that_the_running_daemon_cannot_read(
    environment: Callable[..., None], app: App, folder: Path
) -> None:
    environment()
    with App(folder / "home") as daemon, homes.exclusive(daemon.home):
        rotating.announce(daemon.store, daemon.vault)
        environment(run("make").output.strip())
        done = run("rotate")
        assert done.exit_code == 2
        assert "start it again" in done.output
        assert len(by_key(app)) == 1
        with App(folder / "home") as restarted:
            rotating.announce(restarted.store, restarted.vault)
        assert run("rotate").exit_code == 0
    assert len(by_key(app)) == 1


# ---------------------------------------------------------------- the commands


def test_the_command_lists_keys_with_their_secrets_and_never_a_key(app: App, folder: Path) -> None:
    (old,) = app.vault.keys
    new = app.rotate_keys().key_id
    listed = run()
    assert f"{new}" in listed.output
    assert "for new secrets" in listed.output
    assert f"crmwire keys remove {old}" in listed.output
    data = json.loads(run("--json").output)
    assert [(one["id"], one["secrets"]) for one in data["keys"]] == [(new, 120), (old, 0)]
    for line in (folder / "config" / "keys").read_text().split():
        assert line.partition(":")[2] not in listed.output


def test_the_command_rotates_and_says_how_the_old_key_is_removed(app: App, folder: Path) -> None:
    (old,) = app.vault.keys
    done = run("rotate")
    assert "120 secrets moved" in done.output
    assert f"`crmwire keys remove {old}`" in done.output
    assert run("remove", old).exit_code == 2  # nobody could be asked
    assert run("remove", old, "--yes").exit_code == 0
    assert len(file_keys(folder)) == 1
    assert all_read(app)


def test_the_command_takes_a_key_from_standard_input(app: App, folder: Path) -> None:
    key_id, key = new_key()
    done = run("rotate", "--key-stdin", "--yes", input=line_of(key_id, key))
    assert done.exit_code == 0, done.output
    assert file_keys(folder) == [key_id]
    assert all_read(app)
    assert run("rotate", "--key-stdin", input="no key").exit_code == 2


def test_a_key_file_that_others_can_read_is_told_of(app: App, folder: Path) -> None:
    (folder / "config" / "keys").chmod(0o644)
    assert "chmod 600" in run().output


@pytest.mark.parametrize("wrong", ["another key", "the same id, another key", "no file", "nothing"])
def test_commands_and_the_daemon_refuse_to_start_with_a_wrong_key_and_overwrite_nothing(
    app: App, folder: Path, wrong: str
) -> None:
    path = folder / "config" / "keys"
    (old,) = app.vault.keys
    right = path.read_text()
    if wrong == "no file":
        path.unlink()
    else:
        key_id, key = new_key()
        texts = {"another key": line_of(key_id, key), "nothing": ""}
        path.write_text(texts.get(wrong, line_of(old, key)))
    before = path.read_text() if path.exists() else None
    for arguments in (["status"], ["serve", "--port", "0"], ["keys", "rotate", "--yes"]):
        refused = CliRunner().invoke(cli, arguments)
        assert refused.exit_code == 2, refused.output
        assert "key" in refused.stderr
    secret = CliRunner().invoke(cli, ["feed", "add", "x", "--source", "calcom"], input="hush")
    assert secret.exit_code == 2
    assert (path.read_text() if path.exists() else None) == before
    path.write_text(right)
    with App(folder / "home") as again:
        assert all_read(again)
