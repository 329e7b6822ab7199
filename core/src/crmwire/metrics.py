"""What the daemon tells Prometheus: counts, ages and limits, by feed, connection, lane and CRM.

Labels hold names that people set up and a CRM account's id; nothing of the people that events
are about. What is counted is counted in memory (see `tallies`); the rest is read when asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from crmwire.pacing import UNANSWERED
from crmwire.tallies import DRAIN_BUCKETS

if TYPE_CHECKING:
    from crmwire.opening import Openings
    from crmwire.tallies import Tallies

__all__ = ["CONTENT_TYPE_LATEST", "exposition"]


def exposition(openings: Openings, tallies: Tallies) -> bytes:
    """All metrics in the text format of Prometheus. Raises: StoreUnavailable."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_All(openings, tallies))
    return generate_latest(registry)


class _All(Collector):
    def __init__(self, openings: Openings, tallies: Tallies) -> None:
        self._openings, self._tallies = openings, tallies

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        yield self._webhooks()
        yield self._polled()
        yield self._deliveries()
        yield from self._standing()
        yield from self._vendors()
        yield self._drains()

    # ------------------------------------------------------------ counted

    def _webhooks(self) -> Metric:
        made = CounterMetricFamily(
            "crmwire_webhooks", "Webhooks by what became of them.", labels=["feed", "became"]
        )
        for labels, number in sorted(self._tallies.webhooks().items()):
            made.add_metric(labels, number)
        return made

    def _deliveries(self) -> Metric:
        made = CounterMetricFamily(
            "crmwire_deliveries",
            "Deliveries settled, by what became of them.",
            labels=["connection", "became"],
        )
        for labels, number in sorted(self._tallies.deliveries().items()):
            made.add_metric(labels, number)
        return made

    def _drains(self) -> Metric:
        made = HistogramMetricFamily(
            "crmwire_batch_seconds",
            "How long a batch of a lane took, from its claim to what became of it.",
            labels=["lane"],
        )
        bounds = [*(str(bound) for bound in DRAIN_BUCKETS), "+Inf"]
        for lane, (counts, seconds) in sorted(self._tallies.drains().items()):
            made.add_metric([lane], list(zip(bounds, accumulate(counts), strict=True)), seconds)
        return made

    # ------------------------------------------------------------ read

    def _polled(self) -> Metric:
        made = CounterMetricFamily(
            "crmwire_polled_events", "Events that a source told when asked.", labels=["feed"]
        )
        names = {row.id: row.name for row in self._openings.store.feeds()}
        for feed, row in self._openings.store.polls().items():
            if feed in names:
                made.add_metric([names[feed]], row.told)
        return made

    def _standing(self) -> Iterator[Metric]:
        """How deliveries, lanes and connections stand, as `crmwire status` tells."""
        store, now = self._openings.store, self._openings.clock.now().timestamp()
        waiting = GaugeMetricFamily(
            "crmwire_waiting_deliveries",
            "Deliveries that are not done.",
            labels=["connection", "state"],
        )
        oldest = GaugeMetricFamily(
            "crmwire_oldest_waiting_seconds",
            "How long ago the oldest event came in that a lane has not carried yet; 0 if none.",
            labels=["lane"],
        )
        usable = GaugeMetricFamily(
            "crmwire_connection_ok", "1 if a connection can be used.", labels=["connection", "crm"]
        )
        rests = GaugeMetricFamily(
            "crmwire_lane_rests_seconds", "For how long a lane still rests.", labels=["lane"]
        )
        rows = {row.name: row for row in store.connections()}
        ages: dict[str, float] = {row.lane: 0.0 for row in rows.values() if row.state != "removed"}
        for counts in store.counts():
            row = rows[counts.connection]
            for state in ("ready", "working", "held"):
                waiting.add_metric([row.name, state], counts.by_state[state])
            usable.add_metric([row.name, row.crm], float(row.state == "ok"))
            if counts.oldest_waiting is not None:
                ages[row.lane] = max(ages[row.lane], now - counts.oldest_waiting)
        for lane, seconds in sorted(ages.items()):
            oldest.add_metric([lane], seconds)
        for lane, (until, _) in sorted(store.lanes().items()):
            if lane in ages:
                rests.add_metric([lane], max(0.0, (until or 0.0) - now))
        yield from (waiting, oldest, usable, rests)

    def _vendors(self) -> Iterator[Metric]:
        calls = CounterMetricFamily(
            "crmwire_calls",
            f"Calls to a vendor's API, by status; `{UNANSWERED}` if none came back.",
            labels=["crm", "status"],
        )
        left = GaugeMetricFamily(
            "crmwire_limit_left",
            "What is left of a vendor's limit, as its last answer told.",
            labels=["lane", "limit"],
        )
        whole = GaugeMetricFamily(
            "crmwire_limit_total",
            "How much a vendor's limit is, as its last answer told.",
            labels=["lane", "limit"],
        )
        numbers: Counter[tuple[str, str]] = Counter()
        for lane, pacer in sorted(self._openings.pacers().items()):
            for status, number in pacer.calls().items():
                numbers[_vendor(lane), status] += number
            for state in [] if lane.startswith("source ") else pacer.left():
                left.add_metric([lane, state.name], state.remaining)
                if state.total is not None:
                    whole.add_metric([lane, state.name], state.total)
        for labels, number in sorted(numbers.items()):
            calls.add_metric(labels, number)
        yield from (calls, left, whole)


def _vendor(lane: str) -> str:
    """Who is called: a lane's CRM, or the source that a feed's pacer is for."""
    if lane.startswith("source "):
        return lane.split(" ")[1]
    return lane.partition(":")[0]
