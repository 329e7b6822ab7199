"""The audit: every change by a person leaves an entry, in the transaction that made it."""

from __future__ import annotations

import json
import os
import pwd
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from crmwire.cli import cli
from crmwire.store import audit

if TYPE_CHECKING:
    from crmwire.app import App

Opens = Callable[..., AbstractContextManager[Any]]


def told(app: App) -> list[tuple[str, str, str]]:
    return [(one.action, one.kind, one.name) for one in app.store.audit()]


def test_what_is_set_up_changed_and_removed_is_told_in_order(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as crm:
        app: App = crm.app
        app.add_feed("signed", source="calcom", signing_secret="canary-signing")
        app.set_signing_secret("signed", "canary-other")
        app.change_feed("signed", settings={"host": "canary-value"}, allow_unsigned=False)
        app.set_token("crm", "canary-token")
        app.change_connection(
            "crm", settings={**app.store.connection("crm").settings, "zone": "UTC"}
        )
        app.remove_route("cal-crm")
        app.remove_feed("signed")
        app.remove_connection("crm")
        entries = app.store.audit()
    assert told_of(entries) == [
        ("added", "connection", "crm"),
        ("added", "route", "cal-crm"),
        ("added", "feed", "signed"),
        ("changed", "feed", "signed"),
        ("changed", "feed", "signed"),
        ("changed", "connection", "crm"),
        ("changed", "connection", "crm"),
        ("removed", "route", "cal-crm"),
        ("removed", "feed", "signed"),
        ("removed", "connection", "crm"),
    ]
    assert [entries[n].detail for n in (3, 4, 6)] == [
        {"secrets": ["signing"]},
        {"settings": ["host"]},
        {"settings": ["zone"]},
    ]
    assert "canary" not in str(entries)
    assert {one.by for one in entries} == {pwd.getpwuid(os.getuid()).pw_name}


def told_of(entries: list[audit.AuditEntry]) -> list[tuple[str, str, str]]:
    return [(one.action, one.kind, one.name) for one in entries]


def test_retried_and_dismissed_deliveries_are_told_by_number(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as crm:
        crm.accept(*(crm.event("created", f"b{n}", n) for n in range(3)))
        crm.drain_until_done()
        crm.app.retry([1], again=True)
        crm.app.dismiss([1])
        crm.app.dismiss([2])  # it is delivered: nothing is done
        assert told(crm.app)[2:] == [("retried", "delivery", "1"), ("dismissed", "delivery", "1")]
        assert "ada" not in str(crm.app.store.audit())


def test_a_change_that_fails_leaves_no_entry(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as crm:
        before = told(crm.app)

        def job(db: Any) -> None:
            audit.record(db, 0.0, "changed", "connection", "crm")
            raise sqlite3.IntegrityError

        with pytest.raises(sqlite3.IntegrityError):
            crm.app.store.write(job)
        assert told(crm.app) == before


def test_the_command_prints_entries_since_a_date(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path):
        run = CliRunner().invoke(cli, ["audit", "--json", "--since", "2020-01-01"])
        assert [one["action"] for one in json.loads(run.output)] == ["added", "added"]
        assert json.loads(run.output)[0]["detail"] == {"crm": "toy", "team": "default"}
        assert CliRunner().invoke(cli, ["audit", "--since", "2999-01-01"]).output.startswith("Noth")
        assert "connection crm" in CliRunner().invoke(cli, ["audit"]).output


def test_the_user_is_who_the_process_runs_as_not_what_a_variable_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("USER", "somebody")
    monkeypatch.setenv("LOGNAME", "somebody")
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert audit.acting_user() == pwd.getpwuid(os.getuid()).pw_name
