"""Metrics: what was done and how all stands, with nobody's data in them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from crmwire import home
from crmwire.cli.figures import figures
from crmwire.draining import Drainer
from crmwire.metrics import exposition
from crmwire.receiver import receiver
from crmwire.sandbox import SandboxServer
from crmwire.sandbox.faults import Fault
from crmwire.tallies import Tallies

Opens = Callable[..., AbstractContextManager[Any]]


def values(text: bytes) -> dict[tuple[str, ...], float]:
    """Samples by name and values of their labels, in the order of the labels' names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def counted(scene: Any) -> Tallies:
    tallies = Tallies()
    scene.drainer = Drainer(scene.app.openings, tallies)
    return tallies


def test_deliveries_calls_and_batches_are_counted(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        tallies = counted(scene)
        scene.accept(scene.event("created", "a", 0), scene.event("created", "b", 0))
        scene.drain_until_done()
        text = exposition(scene.app.openings, tallies)
        lane = scene.app.store.connection("crm").lane
    found = values(text)
    assert found["crmwire_deliveries_total", "delivered", "crm"] == 2
    assert found["crmwire_calls_total", "toy", "200"] > 0
    assert found["crmwire_batch_seconds_count", lane] >= 1
    assert found["crmwire_batch_seconds_bucket", lane, "+Inf"] >= 1
    assert found["crmwire_waiting_deliveries", "crm", "ready"] == 0
    assert found["crmwire_connection_ok", "crm", "toy"] == 1
    assert found["crmwire_oldest_waiting_seconds", lane] == 0


def test_what_failed_and_is_tried_again_is_counted_and_its_age_told(
    toy: Opens, tmp_path: Path
) -> None:
    with toy(tmp_path, tries=[60.0]) as scene:
        scene.app.check("crm")
        tallies = counted(scene)
        scene.sandbox.faults.arm([Fault(kind="status", status=500, times=100)])
        scene.accept(scene.event("created", "a", 0))
        scene.drain()
        text = exposition(scene.app.openings, tallies)
        lane = scene.app.store.connection("crm").lane
    found = values(text)
    assert found["crmwire_deliveries_total", "retried", "crm"] == 1
    assert found["crmwire_calls_total", "toy", "500"] >= 1
    assert found["crmwire_waiting_deliveries", "crm", "ready"] == 1
    assert found["crmwire_oldest_waiting_seconds", lane] > 0


def test_calls_that_nobody_answered_are_counted(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        scene.app.check("crm")
        tallies = counted(scene)
        scene.sandbox.faults.arm([Fault(kind="cut_before", times=1)])
        scene.accept(scene.event("created", "a", 0))
        scene.drain()
        text = exposition(scene.app.openings, tallies)
    assert values(text)["crmwire_calls_total", "toy", "none"] == 1


def test_no_label_names_a_person(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        tallies = counted(scene)
        scene.accept(scene.event("created", "canary-uid", 0, email="canary@example.com"))
        scene.drain_until_done()
        text = exposition(scene.app.openings, tallies).decode()
    assert "canary" not in text
    assert "Ada" not in text


def test_webhooks_are_counted_by_what_became_of_them(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        path = scene.app.add_feed("signed", source="calcom", signing_secret="s")
        tallies = Tallies()
        asgi = receiver(scene.app.openings, lambda _: None, dict, tallies=tallies)
        with SandboxServer(asgi) as server:
            httpx.post(server.url + path, content=b"{}")
            answer = httpx.get(f"{server.url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert values(answer.content)["crmwire_webhooks_total", "refused", "signed"] == 1


def test_metrics_are_not_given_to_whoever_comes_through_a_proxy(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        asgi = receiver(scene.app.openings, lambda _: None, dict)
        with SandboxServer(asgi) as server:
            address = f"{server.url}/metrics"
            assert httpx.get(address).status_code == 200
            through = httpx.get(address, headers={"X-Forwarded-For": "192.0.2.1"})
    assert through.status_code == 404


def test_what_a_vendor_says_is_left_of_its_limit_is_told(toy: Opens, tmp_path: Path) -> None:
    from crmwire.types import LimitState

    with toy(tmp_path) as scene:
        lane = scene.app.store.connection("crm").lane
        scene.app.openings.pacer(lane).learn(
            [LimitState(name="daily", remaining=7, resets_in=None, total=100)]
        )
        found = values(exposition(scene.app.openings, Tallies()))
    assert found["crmwire_limit_left", lane, "daily"] == 7
    assert found["crmwire_limit_total", lane, "daily"] == 100


def test_status_asks_the_daemon_what_it_counted(toy: Opens, tmp_path: Path) -> None:
    with toy(tmp_path) as scene:
        tallies = counted(scene)
        scene.accept(scene.event("created", "a", 0))
        scene.drain_until_done()
        asgi = receiver(scene.app.openings, lambda _: None, dict, tallies=tallies)
        with SandboxServer(asgi) as server:
            port = server.url.rpartition(":")[2]
            (scene.app.home / home.ADDRESS).write_text(f"127.0.0.1 {port}\n")
            told = figures(scene.app.home)
    assert told is not None
    assert told["deliveries"] == {"crm": {"delivered": 1}}
    assert told["calls"]["toy"]["200"] > 0
    json.dumps(told)


def test_status_goes_on_if_the_daemon_cannot_be_asked(tmp_path: Path) -> None:
    assert figures(tmp_path) is None
    (tmp_path / home.ADDRESS).write_text("127.0.0.1 1\n")
    assert figures(tmp_path) is None


def test_counting_loses_nothing_between_threads() -> None:
    tallies = Tallies()

    def count() -> None:
        for _ in range(2000):
            tallies.webhook("f", "accepted")
            tallies.drained("l", 0.2)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tallies.webhooks() == {("f", "accepted"): 8000}
    counts, seconds = tallies.drains()["l"]
    assert sum(counts) == 8000
    assert round(seconds) == 1600
