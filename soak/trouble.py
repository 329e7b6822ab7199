"""Faults of the vendors and mischief with the daemon, both drawn from the seed."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from crmwire.drills import STEPS
from soak.source import Source
from soak.world import World

Faults = list[dict[str, Any]]
LATE = 1.6
"""Seconds until a commit that lands after our timeout of one second."""


def _full() -> Faults:
    wrong: dict[str, Any] = {"unexpected": [{"id": 7}, None]}
    return [
        {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}, "share": 0.025},
        {"kind": "status", "status": 429, "share": 0.025},
        {"kind": "status", "status": 500, "share": 0.025},
        {"kind": "status", "status": 503, "share": 0.025},
        {"kind": "timeout", "seconds": 1.5, "share": 0.02},
        {"kind": "cut_before", "share": 0.02},
        {"kind": "lost_answer", "share": 0.03},
        {"kind": "late_commit", "seconds": LATE, "share": 0.01},
        {"kind": "cut_short", "share": 0.01},
        {"kind": "status", "status": 200, "body": wrong, "share": 0.005},
        {"kind": "html", "status": 200, "share": 0.005},
        {"kind": "html", "status": 502, "share": 0.005},
    ]


FAULTS: Mapping[str, Faults] = {
    "full": _full(),
    "peers": [
        {"kind": "status", "status": 429, "share": 0.05},
        {"kind": "status", "status": 500, "share": 0.05},
        {"kind": "lost_answer", "share": 0.03},
    ],
    # For few bookings, to see whether a broken crmwire is found out:
    "dense": [
        {"kind": "status", "status": 500, "share": 0.06},
        {"kind": "lost_answer", "method": "POST", "share": 0.25},
        {"kind": "late_commit", "method": "POST", "seconds": LATE, "share": 0.15},
    ],
    "late": [
        {"kind": "late_commit", "method": "POST", "path": "notes", "seconds": 5, "share": 0.5}
    ],
    "failing": [{"kind": "status", "status": 500, "path": "query|/composite$", "share": 0.95}],
    "slow": [{"kind": "latency", "seconds": 0.5}],
    "none": [],
}
OTHERS = ("stopped", "full disk", "clock", "vendor down", "tokens expire", "login revoked", "locks")


@frozen(kw_only=True)
class Mischief:
    """How much of each a run has."""

    faults: str = "full"
    kills: int = 5
    steps: tuple[str, ...] = STEPS
    others: tuple[str, ...] = OTHERS

    def drawn(self, dice: random.Random) -> list[str]:
        """All of it, in a random order."""
        made = ["kill"] * self.kills + [f"step {one}" for one in self.steps] + list(self.others)
        dice.shuffle(made)
        return made


@define(kw_only=True)
class Trouble:
    """Does the mischief while the source sends; `done` counts what really happened."""

    world: World
    source: Source
    mischief: Mischief
    seed: int
    dice: random.Random = field(init=False)
    done: Counter[str] = field(factory=Counter)
    said: list[str] = field(factory=list)
    _armed: int = 0

    def __attrs_post_init__(self) -> None:
        self.dice = random.Random(f"trouble {self.seed}")

    def arm(self) -> None:
        """Arm the vendors' faults anew, with another part of the seed's luck."""
        self._armed += 1
        for number, crm in enumerate(sorted(self.world.sandboxes)):
            faults = FAULTS[self.mischief.faults]
            self.world.arm(crm, faults, self.seed * 1000 + self._armed * 10 + number)

    def disarm(self) -> None:
        for crm in self.world.sandboxes:
            self.world.arm(crm, [], 0)

    def run(self) -> None:
        """One piece of mischief after the other, with some new webhooks for each."""
        plan = self.mischief.drawn(self.dice)
        self.arm()
        for number, what in enumerate(plan, start=1):
            self.source.allow(max(8, self.source.total * number // (len(plan) + 1)))
            time.sleep(self.dice.uniform(0.1, 1.2))
            began = time.monotonic()
            self._do(what)
            self.said.append(f"{what}: {time.monotonic() - began:.1f} s")
        self.source.allow(self.source.total)

    def _do(self, what: str) -> None:
        kind, _, step = what.partition(" ")
        if kind == "step":
            self._kill_at(step)
            return
        match what:
            case "kill":
                self.world.kill()
                self.world.start()
            case "stopped":
                self.world.signal(signal.SIGSTOP)
                time.sleep(self.dice.uniform(0.5, 4))
                self.world.signal(signal.SIGCONT)
            case "full disk":
                self.world.limit_files(self.dice.choice((0, 4096, 100_000)))
                time.sleep(self.dice.uniform(0.5, 2))
                self.world.limit_files(-1)
            case "clock":
                self.world.set_clock(self.dice.choice((86_400, 3600, -3600, -86_400)))
                time.sleep(self.dice.uniform(2, 4))
                self.world.set_clock(0)
            case "vendor down":
                crm = self.dice.choice(sorted(self.world.sandboxes))
                down = self.dice.choice(
                    (
                        {"kind": "status", "status": 503},
                        {"kind": "cut_before"},
                        {"kind": "timeout", "seconds": 1.5},
                    )
                )
                self.world.arm(crm, [down], self.seed)
                time.sleep(self.dice.uniform(1, 4))
                self.arm()
            case "tokens expire":
                self._expire()
            case "login revoked":
                self._revoke()
            case "locks":
                if "salesforce" not in self.world.sandboxes:
                    return
                self.world.admin(
                    "salesforce", "refuse", account="org", code="UNABLE_TO_LOCK_ROW",
                    message="unable to obtain exclusive access to this record", times=3,
                )  # fmt: skip
        self.done[what] += 1

    def _kill_at(self, step: str) -> None:
        """Let the daemon come to a step and kill itself there; again until it has."""
        for _ in range(4):
            self.world.kill()
            if step == "before_login_saved":
                self._expire()
            self.world.start(f"{step}:{self.dice.randrange(1, 4)}")
            self.source.allow(self.source.total // 20 + self.source.sent)
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline and not self.world.ended():
                time.sleep(0.02)
            if self.world.ended():
                self.done[f"kill at {step}"] += 1
                break
        else:
            self.said.append(f"{step} was not reached")
            self.world.kill()
        self.world.start()

    def _expire(self) -> None:
        for crm, action, account in (
            ("salesforce", "expire_sessions", "org"),
            ("hubspot", "expire_tokens", "portal"),
        ):
            if crm in self.world.sandboxes:
                self.world.admin(crm, action, account=account)

    def _revoke(self) -> None:
        """Somebody takes the permission away; a while later a person connects again."""
        by_login = [link for link in self.world.links if link.by_login]
        if not by_login:
            return
        link = self.dice.choice(by_login)
        action = {"salesforce": "revoke_logins", "hubspot": "uninstall_app"}[link.crm]
        self.world.admin(link.crm, action, account=link.token)
        time.sleep(self.dice.uniform(0.5, 2))
        self.world.arm(link.crm, [], 0)
        self.world.log_in(link)
        self.arm()
