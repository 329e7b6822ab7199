"""Webhooks that were signed but could not be read: taken in again, or given up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from crmwire import intake
from crmwire.errors import PluginBroken, UnknownName, UnreadableWebhook
from crmwire.store import audit, unreadable
from crmwire.types import WebhookRequest

if TYPE_CHECKING:
    from crmwire.intake import Intake
    from crmwire.opening import Openings


@frozen(kw_only=True)
class Retaken:
    """What became of one: taken in, or (no `intake`) still not to be read, and why."""

    id: int
    intake: Intake | None = None
    problem: str = ""


def take_again(openings: Openings, ids: Sequence[int]) -> list[Retaken]:
    """Read webhooks once more, since their source's plugin was mended.

    Their signatures were right when they came in, and only their bodies were kept. Those that
    are read leave the list; the others stay. Raises: UnknownName.
    """
    return [_take_again(openings, id_) for id_ in ids]


def _take_again(openings: Openings, id_: int) -> Retaken:
    one = _one(openings, id_)
    feeds = {row.name: row for row in openings.store.feeds()}
    row = feeds.get(one.feed)
    if row is None:
        return Retaken(id=id_, problem=f"The feed {one.feed} is not there any more.")
    now = openings.clock.now()
    try:
        events = openings.source(row).parse_webhook(WebhookRequest(body=one.body, received_at=now))
    except (UnreadableWebhook, PluginBroken, UnknownName) as error:
        return Retaken(id=id_, problem=error.message)
    made = intake.accepted(openings, row, events, now)

    def job(db: Any) -> None:
        unreadable.remove(db, [id_])
        audit.record(db, now.timestamp(), "retried", "webhook", str(id_), feed=one.feed)

    openings.store.write(job)
    return Retaken(id=id_, intake=made)


def dismiss(openings: Openings, ids: Sequence[int]) -> None:
    """Give up webhooks that cannot be read; their bodies are removed. Raises: UnknownName."""
    found = [_one(openings, id_) for id_ in ids]
    now = openings.clock.now().timestamp()

    def job(db: Any) -> None:
        unreadable.remove(db, ids)
        for one in found:
            audit.record(db, now, "dismissed", "webhook", str(one.id), feed=one.feed)

    openings.store.write(job)


def _one(openings: Openings, id_: int) -> unreadable.UnreadableRow:
    with openings.store.read() as db:
        found = unreadable.one(db, id_)
    if found is None:
        raise UnknownName(
            f"There is no unreadable webhook {id_}.", remedy="`crmwire webhooks` lists them."
        )
    return found
