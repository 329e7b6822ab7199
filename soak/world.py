"""The daemon, the sandboxes and what is set up between them, all as real processes."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

from attrs import define, field

from crmwire import drills
from crmwire.app import App
from crmwire.demo.logging_in import log_in
from crmwire.demo.processes import Process, call, free_port, start
from crmwire.store import DeliveryFilter
from soak.connecting import connect
from soak.links import LINKS, Link
from soak.standing import fill

__all__ = ["LINKS", "SECRET", "Link", "World", "surroundings_of_children"]

ROOT = Path(__file__).parent.parent
SECRET = "soak-secret"
STARTED_AFTER = 120.0
"""Seconds a daemon may take to start; the machine may be busy with other things."""
OPTIONS = {
    "hubspot": {"limits": "off"},
    "attio": {"limits": "off"},
    "salesforce": {"daily_limit": "1000000"},
}


@define(kw_only=True)
class World:
    """Everything that runs. Close it."""

    folder: Path
    environment: dict[str, str]
    app: App
    links: tuple[Link, ...]
    command: tuple[str, ...] = ("-m", "crmwire")
    options: Mapping[str, Mapping[str, str]] = {}
    sandboxes: dict[str, Process] = field(factory=dict)
    paths: dict[str, str] = field(factory=dict)
    schemes: dict[str, Any] = field(factory=dict)
    port: int = field(factory=free_port)
    daemon: Process | None = None
    starts: int = 0

    # ------------------------------------------------------------ the daemon

    def start(self, stop_at: str = "") -> None:
        """Start the daemon, to kill itself at a step if one is named."""
        self.starts += 1
        extra = {drills.STOP_AT: stop_at} if stop_at else {}
        log = self.folder / "daemon.log"
        with log.open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, *self.command, "serve", "--port", str(self.port)],
                env={**surroundings_of_children(), **self.environment, **extra},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        self.daemon = Process(name="daemon", url=self.url, process=process, log=log)
        deadline = time.monotonic() + STARTED_AFTER
        while time.monotonic() < deadline and process.poll() is None:
            try:
                call(f"{self.url}/healthz")
                return
            except (OSError, ValueError, HTTPException):
                time.sleep(0.05)
        if process.poll() is None or not stop_at:
            raise RuntimeError(f"the daemon did not start; see {log}")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """End the daemon as a crash would."""
        if self.daemon is not None:
            self.daemon.kill()

    def signal(self, number: signal.Signals) -> None:
        if self.daemon is not None:
            self.daemon.process.send_signal(number)

    def ended(self) -> bool:
        return self.daemon is None or self.daemon.process.poll() is not None

    def limit_files(self, size: int) -> None:
        """Let the daemon write no file beyond so many bytes; -1 lifts that."""
        if self.daemon is not None and not self.ended():
            hard = resource.RLIM_INFINITY
            soft = hard if size < 0 else size
            resource.prlimit(self.daemon.process.pid, resource.RLIMIT_FSIZE, (soft, hard))

    def set_clock(self, seconds: float) -> None:
        """Let the daemon's clock be wrong by so many seconds."""
        Path(self.environment[drills.CLOCK_FILE]).write_text(str(seconds))

    def open_deliveries(self) -> int:
        rows = self.app.deliveries(DeliveryFilter(states=("ready", "working"), limit=1000))
        return len(rows)

    # ------------------------------------------------------------ the sandboxes

    def arm(self, crm: str, faults: Sequence[Mapping[str, Any]], seed: int) -> None:
        body = {"faults": list(faults), "seed": seed}
        call(f"{self.sandboxes[crm].url}/__sandbox__/faults", body)

    def admin(self, crm: str, action: str, **body: Any) -> Any:
        """Do what a person would do at the vendor's own screens."""
        answer = call(f"{self.sandboxes[crm].url}/__sandbox__/admin", {"action": action, **body})
        if answer.status != 200:
            raise RuntimeError(f"{crm} {action}: {answer.body}")
        return answer.body

    def log_in(self, link: Link) -> None:
        log_in(self.app, link.name, link.crm, self.sandboxes[link.crm].url)

    # ------------------------------------------------------------ set-up and the end

    def set_up(self, seed: int) -> None:
        """Start the sandboxes, fill them, and connect everything."""
        crms = sorted({link.crm for link in self.links})
        for crm in crms:
            tokens = sorted({link.token for link in self.links if link.crm == crm})
            self.sandboxes[crm] = self._sandbox(crm, tokens, seed)
        self.connect()
        fill(self)
        if any(link.companies for link in self.links):
            # A company that crmwire did not make is known once the search shows it, not before.
            time.sleep(self.search_lag)

    @property
    def search_lag(self) -> float:
        """How far (seconds) HubSpot's search is behind at most."""
        return float(self.options.get("hubspot", {}).get("search_lag", 1.5))

    def connect(self) -> None:
        """Let the feeds be carried into the sandboxes' accounts."""
        for feed in sorted({link.feed for link in self.links}):
            self.paths[feed] = self.app.add_feed(feed, source="calcom", signing_secret=SECRET)
            info = self.app.openings.source(self.app.store.feed(feed)).source_info()
            self.schemes[feed] = info.signature
        for link in self.links:
            connect(self, link)

    def _sandbox(self, crm: str, tokens: Sequence[str], seed: int) -> Process:
        port = free_port()
        options = {**OPTIONS[crm], **self.options.get(crm, {})}
        if crm == "hubspot" and "search_lag" not in options:
            options["search_lag"] = random.Random(f"lag {seed}").choice(("0", "1.5"))
        extra = [part for key, value in options.items() for part in ("--option", f"{key}={value}")]
        given = [part for token in tokens for part in ("--token", token)]
        return start(
            f"sandbox-{crm}",
            ["sandbox", crm, "--port", str(port), "--seed", str(seed), *given, *extra],
            port=port,
            probe="/__sandbox__/requests?since=1000000000",
            environment=self.environment,
            folder=self.folder,
        )

    def crmwire(self, *arguments: str) -> str:
        """Run a command beside the daemon."""
        done = subprocess.run(
            [sys.executable, "-m", "crmwire", *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"crmwire {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def keep_records(self) -> dict[str, Any]:
        """Write down what stands in every account; returns what the sandboxes counted."""
        records: dict[str, Any] = {}
        told: dict[str, Any] = {}
        for crm, process in self.sandboxes.items():
            base = f"{process.url}/__sandbox__"
            commits = call(f"{base}/commits").body["commits"]
            for account in call(f"{base}/timelines").body["accounts"]:
                token = account["token"]
                records[f"{crm}:{token}"] = {
                    "commits": [one for one in commits if one["account"] == token],
                    "timelines": account,
                }
            requests = call(f"{base}/requests").body["requests"]
            hit = [one["fault"] for one in requests if one["fault"]]
            told[crm] = {
                "requests": len(requests),
                "faults": {kind: hit.count(kind) for kind in sorted(set(hit))},
            }
        (self.folder / "seen.json").write_text(json.dumps(records))
        return told

    def close(self) -> None:
        if self.daemon is not None:
            if not self.ended():
                self.signal(signal.SIGCONT)
            self.daemon.stop()
        for process in self.sandboxes.values():
            process.stop()


def surroundings_of_children() -> dict[str, str]:
    """This program can be found by the processes that it starts, wherever it was started."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
