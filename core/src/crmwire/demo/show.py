"""Running the demonstration and showing a person what then stands in each CRM."""

from __future__ import annotations

import json as jsonlib
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import define, field
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from crmwire.app import App
from crmwire.demo.bookings import FIRST_START, SampleBooking
from crmwire.demo.environment import surroundings
from crmwire.demo.logging_in import log_in
from crmwire.demo.processes import Process, all_stopped, call, daemon, sandbox
from crmwire.errors import ConfigurationError, CrmwireError
from crmwire.runner import terminable
from crmwire.signatures import sign
from crmwire.store import DeliveryFilter

CRMS = ("salesforce", "hubspot", "attio")
STEPS = ("created", "rescheduled", "cancelled")
PRESET = "linktime"
PATIENCE = 30.0
WIDTH = 140
"""Columns that are used where there is no terminal to ask."""


@define(kw_only=True)
class _Stage:
    """Everything that runs during the demonstration."""

    app: App
    console: Console
    secret: str
    address: str
    daemon: Process
    sandboxes: dict[str, Process]
    calls: dict[str, dict[str, int]] = field(factory=dict)

    def timelines(self, crm: str) -> dict[str, Any]:
        found: dict[str, Any] = call(f"{self.sandboxes[crm].url}/__sandbox__/timelines").body
        return dict(found["accounts"][0])

    def requests(self, crm: str) -> int:
        return len(call(f"{self.sandboxes[crm].url}/__sandbox__/requests").body["requests"])


def run_demo(*, json: bool = False, wait: bool = False) -> int:
    """Make, move and cancel a booking; print what stands in each CRM. Returns the exit status.

    `json` prints one JSON document instead. `wait` keeps all running until Enter is pressed.
    """
    width = None if sys.stdout.isatty() else WIDTH
    console = Console(stderr=json, quiet=json, width=width, highlight=False)
    with terminable(), _staged(console) as stage:
        now = datetime.now(UTC)
        booking = SampleBooking(
            uid="bk-1", email="grace@example.com", name="Grace Hopper",
            notes="Would like to see the compiler.",
        )  # fmt: skip
        later = FIRST_START + timedelta(days=1, hours=2)
        bodies = {
            "created": booking.created(now),
            "rescheduled": booking.rescheduled(now + timedelta(seconds=1), to=later, uid="bk-2"),
            "cancelled": booking.cancelled(now + timedelta(seconds=2), start=later, uid="bk-2"),
        }
        for step, body in bodies.items():
            _carry(stage, step, body)
            _show(stage, step)
        report = _report(stage)
        if json:
            sys.stdout.write(jsonlib.dumps(report) + "\n")
        else:
            _conclude(stage, report, wait)
    good = all(one["lost"] == 0 and one["doubled"] == 0 for one in report["crms"].values())
    return 0 if good else 1


@contextmanager
def _staged(console: Console) -> Iterator[_Stage]:
    processes: list[Process] = []
    with tempfile.TemporaryDirectory(prefix="crmwire-demo-") as name, all_stopped(processes):
        folder = Path(name)
        with surroundings(folder) as environment, App(folder / "home") as app:
            installed = {plugin.name for plugin in app.discovery.of_kind("crm")}
            crms = [crm for crm in CRMS if crm in installed]
            if not crms:
                raise ConfigurationError(
                    "No CRM plugin is installed.",
                    remedy=f"Install one, for example `pip install crmwire-{CRMS[0]}`.",
                )
            console.print(f"Starting the sandboxes of {', '.join(crms)} and the daemon …")
            secret = secrets.token_hex(16)
            path = app.add_feed("calcom", source="calcom", signing_secret=secret)
            sandboxes: dict[str, Process] = {}
            for crm in crms:
                token = secrets.token_hex(16)
                sandboxes[crm] = sandbox(crm, folder, token=token, environment=environment)
                processes.append(sandboxes[crm])
                made = log_in(app, crm, crm, sandboxes[crm].url)
                if made is None:
                    settings = {"host": sandboxes[crm].url}
                    app.add_connection(crm, crm=crm, token=token, settings=settings)
                else:
                    console.print(f"{made.summary[:-1]}, by its login pages.")
                app.add_route(feed="calcom", connection=crm, preset=PRESET)
                checked = app.check(crm)
                if not checked.ok:
                    problem = next(f for f in checked.findings if f.level == "error")
                    raise CrmwireError(f"{crm}: {problem.message}", remedy=problem.remedy)
            running = daemon(folder, environment)
            processes.append(running)
            yield _Stage(
                app=app,
                console=console,
                secret=secret,
                address=f"{running.url}{path}",
                daemon=running,
                sandboxes=sandboxes,
            )


def _carry(stage: _Stage, step: str, body: bytes) -> None:
    """Send a webhook as Cal.com does, and wait until every CRM has it."""
    before = {crm: stage.requests(crm) for crm in stage.sandboxes}
    started = time.monotonic()
    row = stage.app.store.feed("calcom")
    scheme = stage.app.openings.source(row).source_info().signature
    assert scheme is not None
    answer = call(stage.address, raw=body, headers=sign(scheme, stage.secret, body))
    answered = time.monotonic() - started
    if answer.status != 202:
        raise CrmwireError(f"The daemon answered {answer.status}: {answer.body}")
    while stage.app.deliveries(DeliveryFilter(states=("ready", "working"))):
        if time.monotonic() > started + PATIENCE:
            raise CrmwireError("The deliveries did not end.", remedy="`crmwire status` tells why.")
        time.sleep(0.02)
    took = time.monotonic() - started
    stage.calls[step] = {crm: stage.requests(crm) - before[crm] for crm in before}
    stage.console.print(
        f"\n[bold]Booking {step}[/]: webhook answered in {answered * 1000:.0f} ms, "
        f"in every CRM after {took:.2f} s"
    )


def _show(stage: _Stage, step: str) -> None:
    """One table of all CRMs: who stands there, with which activities."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("CRM", "calls", "person", "activity", "time", "status"):
        table.add_column(name, justify="right" if name == "calls" else "left")
    for crm in stage.sandboxes:
        left = (crm, str(stage.calls[step][crm]))
        for person in stage.timelines(crm)["people"]:
            who = f"{person['name']} <{person['email']}>"
            for entry in person["entries"]:
                when = entry["start"][:16].replace("T", " ")
                table.add_row(*left, who, entry["title"], when, entry["status"])
                left, who = ("", ""), ""
    stage.console.print(table)


def _report(stage: _Stage) -> dict[str, Any]:
    """What stands in the sandboxes, by their own records and request logs."""
    made = {}
    for crm in stage.sandboxes:
        account = stage.timelines(crm)
        people = account["people"]
        activities = sum(len(person["entries"]) for person in people) + len(account["unattached"])
        route = next(row for row in stage.app.store.routes() if row.connection == crm)
        activity = stage.app.openings.mapping(route).activity
        expected = len(STEPS) if activity is not None and activity.per == "event" else 1
        login = stage.app.store.login(stage.app.store.connection(crm).id)
        made[crm] = {
            "login": login.kind if login is not None else "none",
            "people": len(people),
            "activities": activities,
            "calls": {step: stage.calls[step][crm] for step in STEPS},
            "lost": max(0, 1 - len(people)) + max(0, expected - activities),
            "doubled": max(0, len(people) - 1) + max(0, activities - expected),
        }
    return {"crms": made}


def _conclude(stage: _Stage, report: dict[str, Any], wait: bool) -> None:
    table = Table(
        title="One booking, made, moved and cancelled", title_justify="left", box=SIMPLE_HEAD
    )
    for name in ("CRM", "people", "activities", "calls created", "moved", "cancelled", "lost",
                 "doubled"):  # fmt: skip
        table.add_column(name, justify="left" if name == "CRM" else "right")
    for crm, one in report["crms"].items():
        calls = one["calls"]
        numbers = (one["people"], one["activities"], *calls.values(), one["lost"], one["doubled"])
        table.add_row(crm, *(str(number) for number in numbers))
    console = stage.console
    console.print(table)
    if wait and sys.stdin.isatty() and sys.stdout.isatty():
        console.print("\nLook at what stands in each CRM:")
        for crm, process in stage.sandboxes.items():
            console.print(f"  {crm:<12}{process.url}/")
        console.print("Press Enter to end.")
        sys.stdin.readline()
    console.print(
        "\nNext: [bold]crmwire sandbox salesforce --port 8101[/] runs one for you to look at; "
        "README.md, “Your first route”, connects it."
    )
