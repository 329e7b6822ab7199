"""Which of a batch's requests the history of a delivery tells: its own, and those of all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from crmwire.errors import Failure
from crmwire.http import Exchange
from crmwire.pipeline.planned import Planned
from crmwire.pipeline.writes import Outbox
from crmwire.types import Written

MOST = 50
"""How many requests that cannot be told apart a history tells."""


class Told:
    """A batch's requests, to be told in the histories of its deliveries.

    Where a CRM has no batch calls, a hundred deliveries take hundreds of requests. Told whole in
    each history, they would take more room and time than all the rest, so what is known to be
    others' alone is left out: a request whose id only the answers to others' writes name.
    """

    def __init__(
        self, exchanges: Sequence[Exchange], owners: Mapping[str, Iterable[int]] | None = None
    ) -> None:
        self._common: list[tuple[int, dict[str, Any]]] = []
        self._own: dict[int, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
        for place, exchange in enumerate(exchanges):
            told = (place, attrs.asdict(exchange))
            mine = (owners or {}).get(exchange.request_id, ()) if exchange.request_id else ()
            for delivery in mine:
                self._own[delivery].append(told)
            if not mine and len(self._common) < MOST:
                self._common.append(told)

    def of(self, delivery: int) -> list[dict[str, Any]]:
        """What the history of one delivery tells, in the order in which it was sent."""
        both = [*self._common, *self._own.get(delivery, ())]
        return [told for _, told in sorted(both, key=lambda one: one[0])]


def owners(
    planned: Iterable[Planned], box: Outbox, answers: Mapping[str, Written | Failure]
) -> dict[str, set[int]]:
    """The deliveries whose writes were answered by each request, by its id."""
    found: dict[str, set[int]] = defaultdict(set)
    for one in planned:
        for line in one.lines:
            write = box.of_line(line)
            answer = answers.get(write.id) if write is not None else None
            if answer is not None and answer.request_id:
                found[answer.request_id].add(one.id)
    return found
