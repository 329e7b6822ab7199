"""Forgetting a person: removed from all that is stored here, and told what that was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from crmwire.errors import ConfigurationError
from crmwire.store import audit, tombstones
from crmwire.store import forgetting as stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from crmwire.clock import Clock
    from crmwire.store import Store

PATIENCE = 30.0
"""Seconds for which a delivery that is being worked on is waited for."""


@frozen(kw_only=True)
class Forgotten:
    """What was removed, or (`rehearsed`) would be.

    `subjects` are bookings and tickets that were the person's, `among` those of others that they
    took part in. `waiting` deliveries were given up. `records` are the person's records by
    connection, type, id and address: they stay in the CRM. `busy` counts bookings that were being
    worked on for too long, `left` tells what people set up with the address in it, and `clean`
    whether nothing of what was removed is left in the database's log.
    """

    subjects: int = 0
    among: int = 0
    events: int = 0
    deliveries: int = 0
    waiting: int = 0
    links: int = 0
    webhooks: int = 0
    others: int = 0
    records: tuple[tuple[str, str, str, str], ...] = ()
    busy: int = 0
    left: tuple[str, ...] = ()
    clean: bool = True
    rehearsed: bool = False

    @property
    def nothing(self) -> bool:
        """Whether nothing of the person was there."""
        return not (
            self.subjects or self.among or self.events or self.webhooks or self.others or self.busy
        )


def forget(store: Store, clock: Clock, email: str, *, rehearse: bool = False) -> Forgotten:
    """Remove a person, by address, from all that is stored; safe to repeat if interrupted.

    Bookings and tickets that are theirs leave only hashed ids, so that events about them that
    come in later are ignored. From those of others they are taken out. Their records in CRMs
    stay. Raises: ConfigurationError if that is no address.
    """
    email = tombstones.normal(email)
    if "@" not in email.strip("@") or any(letter.isspace() for letter in email):
        raise ConfigurationError(f"{email!r} is not an email address.")
    with store.read() as db:
        found = stored.find(db, email)
        if rehearse:
            return Forgotten(
                subjects=len(found.about),
                among=len(found.among),
                events=len(found.events),
                rehearsed=True,
            )
    by, now = audit.acting_user(), clock.now().timestamp()
    removed = stored.Removed()

    def about(db: Any, subject: int) -> bool:
        made = stored.forget_subject(db, subject, email, by, now)
        if made is not None:
            _add(removed, made)
        return made is not None

    def among(db: Any, subject: int) -> bool:
        made = stored.take_out_of_subject(db, subject, email)
        removed.among += bool(made)
        return made is not None

    busy = _each(store, clock, found.about, about) + _each(store, clock, found.among, among)
    with store.read() as db:
        others = stored.naming_deliveries(db, email)
    scrubbed = sum(
        store.write(lambda db, id_=id_: stored.scrub_delivery(db, id_, [email]))  # type: ignore[misc]
        for id_ in others
    )

    def rest(db: Any) -> None:
        _add(removed, stored.forget_elsewhere(db, email, sorted(found.events)))
        removed.others += scrubbed
        audit.record(
            db,
            now,
            "forgot",
            "person",
            "",
            subjects=removed.subjects,
            among=removed.among,
            deliveries=removed.deliveries,
        )

    store.write(rest)
    with store.read() as db:
        left = stored.still_naming(db, email)
    return Forgotten(
        subjects=removed.subjects,
        among=removed.among,
        events=removed.events,
        deliveries=removed.deliveries,
        waiting=removed.waiting,
        links=removed.links,
        webhooks=removed.webhooks,
        others=removed.others,
        records=tuple(sorted(removed.records)),
        busy=busy,
        left=tuple(left),
        clean=_log_emptied(store, clock),
    )


def _each(
    store: Store, clock: Clock, subjects: Iterable[int], do: Callable[[Any, int], bool]
) -> int:
    """Do it for each, in a transaction of its own; what is worked on is tried again for a while.

    Returns how many were not done.
    """
    left, until = sorted(subjects), clock.monotonic() + PATIENCE
    while left:
        left = [one for one in left if not store.write(lambda db, one=one: do(db, one))]  # type: ignore[misc]
        if not left or clock.monotonic() > until:
            break
        clock.sleep(0.2)
    return len(left)


def _log_emptied(store: Store, clock: Clock) -> bool:
    for _ in range(25):
        if store.truncate_log():
            return True
        clock.sleep(0.2)
    return False


def _add(removed: stored.Removed, made: stored.Removed) -> None:
    for name in ("subjects", "events", "deliveries", "waiting", "links", "webhooks", "others"):
        setattr(removed, name, getattr(removed, name) + getattr(made, name))
    removed.records |= made.records
