"""Every CRM's login, from its own pages to its end: the whole of crmwire, sandboxes over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crmwire.demo.bookings import SampleBooking
from crmwire.demo.logging_in import log_in
from crmwire.errors import ConfigurationError
from crmwire.store import DeliveryFilter
from crmwire.testing.stage import Stage, stage

CRMS = ("salesforce", "hubspot", "attio")
BOOKINGS = 200
EACH = pytest.mark.parametrize("crm", CRMS)


def opened(one: Stage, crm: str) -> None:
    made = log_in(one.app, crm, crm, one.urls[crm])
    assert made is not None
    assert made.report.account_name


def state(one: Stage, crm: str) -> str:
    return one.app.store.connection(crm).state


def until_lost(one: Stage, crm: str, timeout: float = 60.0) -> None:
    deadline = time.monotonic() + timeout
    while state(one, crm) == "ok":
        assert time.monotonic() < deadline
        time.sleep(0.02)


@EACH
def test_a_login_revoked_amid_200_bookings_loses_and_doubles_nothing(
    crm: str, tmp_path: Path
) -> None:
    with stage(tmp_path, {crm: crm}, check=False) as one:
        opened(one, crm)
        sandbox, now = one.sandboxes[crm], datetime.now(UTC)
        real, seen = sandbox.commit, 0

        def commit(*arguments: object) -> None:
            nonlocal seen
            real(*arguments)  # type: ignore[arg-type]
            seen += 1
            if seen == BOOKINGS // 2:  # in the middle of the work, by the account's admin
                (account,) = sandbox.accounts
                sandbox.logins.end(account)

        sandbox.commit = commit  # type: ignore[assignment]
        for number in range(BOOKINGS):
            booking = SampleBooking(
                uid=f"b{number}", email=f"guest{number}@example.com", name=f"Guest {number}"
            )
            one.send(booking.created(now + timedelta(milliseconds=number)))
        until_lost(one, crm)
        time.sleep(0.5)
        row = one.app.store.connection(crm)
        assert row.state == "needs_login"
        assert f"crmwire connect {crm} --name {crm}" in (row.remedy or "")
        counts = Counter(row.state for row in one.app.deliveries(DeliveryFilter(limit=1000)))
        assert counts["held"] == 0
        assert counts["ready"] > 0
        asked = len(one.calls(crm))
        time.sleep(0.5)
        assert len(one.calls(crm)) == asked, "something is tried in vain"

        opened(one, crm)
        one.settle(120.0)
        rows = one.app.deliveries(DeliveryFilter(limit=1000))
        assert Counter(row.state for row in rows) == {"delivered": BOOKINGS}
        people = one.people(crm)
        assert len(people) == BOOKINGS
        assert all(len(person.entries) == 1 for person in people)
        assert sandbox.unattached(next(iter(sandbox.accounts.values()))) == []


@EACH
def test_disconnecting_ends_the_login_at_the_vendor_and_keeps_the_rest(
    crm: str, tmp_path: Path
) -> None:
    with stage(tmp_path, {crm: crm}, check=False) as one:
        opened(one, crm)
        now = datetime.now(UTC)
        booking = SampleBooking(uid="b1", email="grace@example.com", name="Grace Hopper")
        one.send(booking.created(now))
        one.settle()
        tokens = one.app.vault.all(one.app.store.connection(crm).owner)
        made = one.app.disconnect(crm)
        assert made.revoked, made.problem
        assert one.app.vault.all(one.app.store.connection(crm).owner) == {}
        later = booking.start + timedelta(days=1)
        one.send(booking.rescheduled(now + timedelta(seconds=1), to=later, uid="b2"))
        time.sleep(0.5)
        assert Counter(row.state for row in one.app.deliveries()) == {"delivered": 1, "ready": 1}
        if "refresh_token" not in tokens:  # else access tokens that are out may end by time
            assert one.sandboxes[crm].logins.consent_of(tokens["access_token"]) is None
        opened(one, crm)
        one.settle()
        assert Counter(row.state for row in one.app.deliveries()) == {"delivered": 2}
        assert len(one.people(crm)) == 1


@pytest.mark.parametrize("crm", ["hubspot", "attio"])
def test_nobody_is_sent_to_a_vendor_that_wants_the_apps_secret_without_it(
    crm: str, tmp_path: Path
) -> None:
    with stage(tmp_path, {crm: crm}, check=False) as one:
        app, url = one.app, one.urls[crm]
        chosen = {"host": url, "login_host": url, "client_id": "sandbox-client"}
        app.prepare_login("other", crm=crm, settings=chosen)
        back = "http://localhost:8765/oauth/callback"
        with pytest.raises(ConfigurationError, match="with its secret only") as refused:
            app.begin_login("other", redirect_uri=back, settings=chosen, secrets={})
        assert "--client-secret-stdin" in refused.value.remedy
        with pytest.raises(ConfigurationError, match="with its secret only"):
            app.invite("other", address="https://crm.example.com", settings=chosen, secrets={})
        assert one.calls(crm) == []


def test_the_demonstration_logs_in_by_every_crms_own_pages() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "crmwire", "demo", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    crms = json.loads(done.stdout)["crms"]
    assert {crm: one["login"] for crm, one in crms.items()} == dict.fromkeys(
        CRMS, "authorization_code"
    )
