"""Asking an inbox, one request at a time, so that nothing is asked twice after a failure.

A run goes through the tickets that the search gives for a span of time and reads each that is
new or has changed. The span begins some time before the end of the last run (`overlap`), since a
mail is dated by its sender and comes in later; what is told again counts once, by the message's
number. The cursor holds, as plain data:

    {"mark": end of the last whole run,
     "seen": {ticket: its last_updated_at, of the last run},
     "run": null, or {"since", "until", "page", "todo": [tickets], "seen": {…}}}
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import attrs

from crmwire.reading import Object, a_list, a_text, a_time, an_id, an_object
from crmwire.types import Chunk, Event
from crmwire.vocabulary import Person
from crmwire_relation.info import HEADERS
from crmwire_relation.messages import NO_ADDRESS, carried_after_all, codes, events
from crmwire_relation.settings import Settings, settings_of

if TYPE_CHECKING:
    from crmwire.feeds import OpenFeed
    from crmwire.types import Json

PER_PAGE = 50
"""Tickets that a search gives at most (developer.ingage.jp, read 2026-11)."""
FRESH = timedelta(minutes=10)
"""How long a ticket is read again in each run, even if it seems unchanged.

Guess: `last_updated_at` moves with each message; should it lag, this makes up for it.
"""


def asked(feed: OpenFeed, cursor: Json) -> Chunk:
    """Send the next request of a run."""
    settings = settings_of(feed.feed)
    state: dict[str, Any] = dict(cursor) if isinstance(cursor, dict) else _beginning(feed)
    run: dict[str, Any] = dict(state["run"] or _new_run(feed, state, settings))
    if run["todo"]:
        ticket, *rest = run["todo"]
        return _go_on(state, {**run, "todo": rest}, _read(feed, ticket, settings))
    if run["page"] is not None:
        return _go_on(state, _searched(feed, state, run, settings), ())
    return Chunk(cursor=_end(run))


def _beginning(feed: OpenFeed) -> dict[str, Any]:
    return {"mark": (feed.since or feed.now()).isoformat(), "seen": {}, "run": None}


def _new_run(feed: OpenFeed, state: dict[str, Any], settings: Settings) -> dict[str, Any]:
    since = datetime.fromisoformat(state["mark"]) - timedelta(minutes=settings.overlap)
    if feed.since is not None:
        since = max(since, feed.since)
    until = feed.now()
    return {
        "since": since.isoformat(timespec="seconds"),
        "until": until.isoformat(timespec="seconds"),
        "page": 1,
        "todo": [],
        "seen": {},
    }


def _go_on(state: dict[str, Any], run: dict[str, Any], told: tuple[Event, ...]) -> Chunk:
    if run["page"] is None and not run["todo"]:
        return Chunk(events=told, cursor=_end(run))
    return Chunk(events=told, cursor={**state, "run": run}, more=True)


def _end(run: dict[str, Any]) -> dict[str, Any]:
    return {"mark": run["until"], "seen": run["seen"], "run": None}


def _searched(
    feed: OpenFeed, state: dict[str, Any], run: dict[str, Any], settings: Settings
) -> dict[str, Any]:
    """The run after one more page of the search."""
    body = {
        "since": run["since"],
        "until": run["until"],
        "page": run["page"],
        "per_page": PER_PAGE,
    }
    path = f"api/v2/{settings.inbox}/tickets/search"
    found = a_list(feed.http.post(path, body, safe=True, headers=HEADERS).json())
    seen, todo = dict(run["seen"]), []
    for ticket in map(an_object, found):
        number, updated = an_id(ticket.get("ticket_id")), a_text(ticket.get("last_updated_at"))
        if number is None or not number.isdigit():
            continue
        seen[number] = updated
        moment = a_time(updated)
        fresh = moment is None or feed.now() - moment < FRESH
        if fresh or state["seen"].get(number) != updated:
            todo.append(number)
    page = run["page"] + 1 if len(found) >= PER_PAGE else None
    return {**run, "page": page, "todo": todo, "seen": seen}


def _read(feed: OpenFeed, ticket: str, settings: Settings) -> tuple[Event, ...]:
    """The events of one ticket; none of one that was deleted meanwhile."""
    path = f"api/v2/{settings.inbox}/tickets/{ticket}"
    answer = feed.http.get(path, accept=frozenset({404}), headers=HEADERS)
    if answer.status == 404:
        return ()
    data = an_object(answer.json())
    if an_id(data.get("ticket_id")) is None:
        return ()
    told = sorted(events(data, settings, feed.since), key=lambda event: event.occurred_at)
    if settings.customer_group is None:
        return tuple(told)
    people: dict[tuple[str, str], Person] = {}
    by_code = codes(data)
    return tuple(_with_customer(feed, data, event, settings, people, by_code) for event in told)


def _with_customer(
    feed: OpenFeed,
    ticket: Object,
    event: Event,
    settings: Settings,
    people: dict[tuple[str, str], Person],
    by_code: dict[str, str],
) -> Event:
    """The event with what the address book knows of its customer: by address, else by code."""
    known = event.details.customer or Person()
    unknown = event.ignored == NO_ADDRESS
    if event.ignored is not None and not unknown:
        return event
    key = ("email", known.email) if known.email else ("system_id1", by_code.get(event.item))
    if key[1] is None:
        return event
    asked = (key[0], key[1])
    if asked not in people:
        people[asked] = _looked_up(feed, known, settings, *asked)
    customer = people[asked]
    if not unknown:
        return attrs.evolve(event, details=attrs.evolve(event.details, customer=customer))
    return carried_after_all(ticket, event, customer) if customer.email else event


def _looked_up(feed: OpenFeed, known: Person, settings: Settings, key: str, value: str) -> Person:
    """A contact of the address book by address or code (faq.relationapp.jp 15145, read 2026-11)."""
    path = (
        f"api/v2/customer_groups/{settings.customer_group}/customers/{key}/{quote(value, safe='@')}"
    )
    answer = feed.http.get(path, accept=frozenset({404}), headers=HEADERS)
    if answer.status == 404:
        return known
    found = an_object(answer.json())
    tels = [an_object(one) for one in a_list(found.get("tels"))]
    emails = [an_object(one) for one in a_list(found.get("emails"))]
    return attrs.evolve(
        known,
        id=known.id or an_id(found.get("customer_id")),
        email=known.email or next(filter(None, (a_text(one.get("email")) for one in emails)), None),
        given_name=a_text(found.get("first_name")),
        family_name=a_text(found.get("last_name")),
        given_kana=a_text(found.get("first_name_kana")),
        family_kana=a_text(found.get("last_name_kana")),
        company=a_text(found.get("company_name")),
        title=a_text(found.get("title")),
        phone=known.phone or next((a_text(one.get("tel")) for one in tels), None),
    )
