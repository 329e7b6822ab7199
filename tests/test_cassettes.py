"""Recorded exchanges: played back they give the same answers, and they hold no secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crmwire.sandbox import SandboxServer, SandboxSettings
from crmwire.testing import toycrm
from crmwire.testing.cassettes import HIDDEN, kept_as, loaded, main, play, plugin_of, record
from crmwire.testing.contract_base import TOKENS

CASSETTES = Path(__file__).parent / "cassettes"
CRMS = sorted(folder.name for folder in CASSETTES.iterdir() if folder.is_dir())
FILES = sorted(CASSETTES.glob("*/*.yaml"))
EACH_CRM = pytest.mark.parametrize("crm", CRMS)
EACH_FILE = pytest.mark.parametrize(
    "file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}"
)
TOKEN_LIKE = re.compile(
    r"Bearer (?!REDACTED)\S|\bpat-\w+-|\b00D\w{12,15}!|\beyJ[\w-]{16,}\.|\b[A-Za-z0-9_-]{64,}\b"
)
ADDRESS = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")


def test_every_crm_has_cassettes() -> None:
    assert {"toy", "salesforce", "hubspot", "attio"} <= set(CRMS)


@EACH_CRM
def test_played_back_they_give_the_answers_that_were_recorded(crm: str) -> None:
    played = []
    for name, recorded, now in play(crm, CASSETTES):
        assert now == recorded, name
        played.append(name)
    assert sorted(played) == sorted(file.stem for file in (CASSETTES / crm).glob("*.yaml"))


@EACH_CRM
def test_the_readme_says_where_they_come_from(crm: str) -> None:
    text = (CASSETTES / crm / "README.md").read_text()
    origins = {loaded(file)["provenance"]["from"] for file in (CASSETTES / crm).glob("*.yaml")}
    assert len(origins) == 1
    assert ("a live account" in text) == (origins == {"live"})
    assert f"crmwire.testing.cassettes record {crm}" in text


@EACH_FILE
def test_every_cassette_says_where_it_comes_from(file: Path) -> None:
    provenance = loaded(file)["provenance"]
    assert provenance["from"] in ("sandbox", "live")
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", provenance["date"])
    assert provenance["api"] == plugin_of(file.parent.name).crm_info().api_version
    assert ("sandbox_version" in provenance) == (provenance["from"] == "sandbox")


@EACH_FILE
def test_requests_went_to_the_vendors_own_host(file: Path) -> None:
    text, plugin = file.read_text(), plugin_of(file.parent.name)
    assert "127.0.0.1" not in text
    assert "localhost" not in text
    for exchange in loaded(file)["interactions"]:
        assert exchange["request"]["uri"].startswith(kept_as(file.parent.name, plugin) + "/")


@EACH_FILE
def test_no_secret_and_no_real_person_is_in_it(file: Path) -> None:
    text = file.read_text()
    assert not TOKEN_LIKE.findall(text)
    assert set(ADDRESS.findall(text)) <= {"example.com", "example.org"}
    for exchange in loaded(file)["interactions"]:
        assert exchange["request"]["headers"]["Authorization"] == [HIDDEN]


@EACH_FILE
def test_a_cassette_is_short(file: Path) -> None:
    assert len(loaded(file)["interactions"]) <= 8


def test_a_recording_can_be_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    files = record("toy", tmp_path)
    monkeypatch.delenv("CRMWIRE_ALLOW_LOOPBACK")
    for name, recorded, now in play("toy", tmp_path):
        assert now == recorded, name
    assert [file.stem for file in files][:3] == ["check", "find-none", "create"]


def test_a_live_recording_needs_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CRMWIRE_LIVE_TOKEN", raising=False)
    assert main(["record", "toy", "--live", "--to", str(tmp_path)]) == 1
    assert "CRMWIRE_LIVE_TOKEN" in capsys.readouterr().err


def test_a_live_recording_hides_host_and_token_and_says_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    account = toycrm.sandbox(SandboxSettings(tokens=TOKENS))
    assert account is not None
    with SandboxServer(account) as server:
        monkeypatch.setenv("CRMWIRE_LIVE_HOST", server.url)
        monkeypatch.setenv("CRMWIRE_LIVE_TOKEN", TOKENS[0])
        files = record("toy", tmp_path, live=True)
        for file in files:
            text = file.read_text()
            assert loaded(file)["provenance"]["from"] == "live"
            assert TOKENS[0] not in text
            assert server.url.partition("//")[2] not in text
    for name, recorded, now in play("toy", tmp_path):
        assert now == recorded, name


def test_an_exchange_that_was_not_recorded_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
    files = record("toy", tmp_path)
    create = files[2]
    create.write_text(create.read_text().replace("Ada Example", "Ada Other"))
    with pytest.raises(AssertionError, match="not asked for"):
        list(play("toy", tmp_path))
