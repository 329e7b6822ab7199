"""What a running daemon counted since it began, for people: its own metrics, asked for."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from crmwire.cli.output import say
from crmwire.home import ADDRESS

_WAIT = 2.0
"""Seconds in which the daemon answers; it may be busy, and `status` must not hang."""


def figures(home: Path) -> dict[str, Any] | None:
    """What the daemon of a folder counted; None if it cannot be asked."""
    text = _metrics(home)
    if text is None:
        return None
    from prometheus_client.parser import text_string_to_metric_families

    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    drains: dict[str, dict[str, float]] = {}
    for part in ("count", "sum"):
        for labels, value in found.get(f"crmwire_batch_seconds_{part}", ()):
            drains.setdefault(labels["lane"], {})[part] = value
    return {
        "webhooks": _nested(found, "crmwire_webhooks_total", "feed", "became"),
        "deliveries": _nested(found, "crmwire_deliveries_total", "connection", "became"),
        "calls": _nested(found, "crmwire_calls_total", "crm", "status"),
        "limits_left": _nested(found, "crmwire_limit_left", "lane", "limit"),
        "batches": {
            lane: {
                "number": int(one["count"]),
                "seconds_on_average": round(one["sum"] / one["count"], 3),
            }
            for lane, one in drains.items()
            if one.get("count")
        },
    }


def _nested(
    found: dict[str, list[tuple[dict[str, str], float]]], name: str, first: str, second: str
) -> dict[str, dict[str, int]]:
    made: dict[str, dict[str, int]] = {}
    for labels, value in found.get(name, ()):
        made.setdefault(labels[first], {})[labels[second]] = int(value)
    return made


def _metrics(home: Path) -> str | None:
    import http.client

    with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
        host, _, port = (home / ADDRESS).read_text().strip().rpartition(" ")
        asked = http.client.HTTPConnection(host, int(port), timeout=_WAIT)
        with contextlib.closing(asked):
            asked.request("GET", "/metrics")
            answer = asked.getresponse()
            if answer.status == 200:
                return answer.read().decode()
    return None


def show(counted: dict[str, Any]) -> None:
    """The figures as lines, those of which there are any."""
    for title, key in (
        ("Webhooks of", "webhooks"),
        ("Deliveries to", "deliveries"),
        ("Calls to", "calls"),
    ):
        for name, numbers in counted[key].items():
            say(f"{title} {name} since the daemon began: {_listed(numbers)}")
    for lane, limits in counted["limits_left"].items():
        say(f"Left of the limits of {lane}: {_listed(limits)}")
    for lane, one in counted["batches"].items():
        say(
            f"Batches of {lane} since the daemon began: {one['number']},"
            f" {one['seconds_on_average']:g} s each on average"
        )


def _listed(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in numbers.items())
