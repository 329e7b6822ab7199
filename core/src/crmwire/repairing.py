"""What a person does with held deliveries: retry them, choose a record, or give them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from crmwire.errors import ConfigurationError
from crmwire.pipeline.adopting import MAY_STAND, NEW, chosen_new
from crmwire.store import DeliveryFilter, audit, repairs

if TYPE_CHECKING:
    from crmwire.store import DeliveryView, Store


def retry(
    store: Store, ids: Sequence[int], now: float, *, again: bool, use: str | None
) -> list[int]:
    """Make held deliveries ready again; returns which. Raises: UnknownName.

    `use` is the record (`ID`, or `Type/ID`) that a person chose for a held delivery; every
    held delivery of the same person in the lane is then resolved with it.
    """
    chosen = None
    wanted = list(ids)
    if use is not None:
        chosen, wanted = _choice(store, wanted, use)

    def job(db: Any) -> list[int]:
        done, _ = repairs.retry(db, wanted, now, again=again, use=chosen)
        _audit(db, now, "retried", done, again=again or None, chosen=use is not None or None)
        return done

    return store.write(job)


def dismiss(store: Store, ids: Sequence[int], now: float) -> list[int]:
    """Give up held or waiting deliveries for good; returns which. Raises: UnknownName."""

    def job(db: Any) -> list[int]:
        done = repairs.dismiss(db, ids, audit.acting_user(), now)
        _audit(db, now, "dismissed", done)
        return done

    return store.write(job)


_NAMED = 20
"""How many deliveries an entry of the audit lists; of more it tells the first and the last."""


def _audit(
    db: Any,
    now: float,
    action: Literal["retried", "dismissed"],
    done: Sequence[int],
    *,
    again: bool | None = None,
    chosen: bool | None = None,
) -> None:
    if not done:
        return
    ids = sorted(done)
    name = ", ".join(map(str, ids)) if len(ids) <= _NAMED else f"{ids[0]} to {ids[-1]}"
    audit.record(db, now, action, "delivery", name, count=len(ids), again=again, chosen=chosen)


def _choice(store: Store, ids: Sequence[int], use: str) -> tuple[dict[str, str], list[int]]:
    """The record that was chosen, and the deliveries that it is chosen for."""
    if len(ids) != 1:
        raise ConfigurationError("A record is chosen for one delivery at a time.")
    review = _review(store.delivery(ids[0]))
    if use == NEW and review is not None and review.get("code") == MAY_STAND:
        return chosen_new(review["role"]), list(ids)
    type_, _, record = use.rpartition("/")
    candidates = (review or {}).get("candidates", ())
    if not type_:
        types = {one["type"] for one in candidates if one["id"] == record}
        if len(types) != 1:
            names = ", ".join(f"{one['type']}/{one['id']}" for one in candidates)
            raise ConfigurationError(
                f"{use!r} is none of the records to choose from.",
                remedy=f"Choose from: {names}." if names else "Give it as Type/ID.",
            )
        type_ = types.pop()
    chosen = {"role": (review or {}).get("role", "person"), "type": type_, "record": record}
    person = (review or {}).get("person")
    same = list(ids)
    lanes = {one.name: one.lane for one in store.connections()}
    lane = lanes.get(store.delivery(ids[0]).row.connection)
    if person:
        for other in store.matching_ids(DeliveryFilter(states=("held",), failure="needs_review")):
            view = store.delivery(other)
            in_lane = lanes.get(view.row.connection) == lane
            if other not in same and in_lane and (_review(view) or {}).get("person") == person:
                same.append(other)
    return chosen, same


def _review(view: DeliveryView) -> Mapping[str, Any] | None:
    """What the last hold of a delivery asked a person to choose."""
    for entry in reversed(view.history):
        failure = entry.get("failure")
        if isinstance(failure, dict) and failure.get("kind") == "needs_review":
            return {**failure, "role": entry.get("role", "person"), "person": entry.get("person")}
    return None
