"""From a ticket's messages to events: which are for customers, and who the customer is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from email.utils import getaddresses
from typing import TYPE_CHECKING

import attrs

from crmwire.reading import Object, a_list, a_text, a_time, an_id, an_object
from crmwire.types import Event
from crmwire.vocabulary import Details, Message, Page, Person, Ticket

if TYPE_CHECKING:
    from crmwire_relation.settings import Settings

CHANNELS = {
    "mail": "mail",
    "sms": "sms",
    "record": "record",
    "call": "call",
    "line": "line",
    "r_messe": "r_messe",
    "yahoo": "yahoo",
    "chatplus": "chatplus",
    # Guess: the help page names these channels (faq.relationapp.jp 15260), no document their codes.
    "chatwork": "chatwork",
    "instagram": "instagram",
    "instagram_dm": "instagram",
    "messenger": "messenger",
    "chat": "chat",
    "chat_widget": "chat",
}
"""The vocabulary's channel of each `method_cd`: the twelve that the help page says are synced."""

TWEETS = ("tweet", "twitter_dm")
NOTES = ("record", "call")
"""Memos of a response or a call: written by an agent about a contact with the customer."""

NO_ADDRESS = "Re:lation does not tell the customer's address"
"""Why a message is left out whose customer cannot be told."""

DIRECTIONS = {"received": "in", "sent": "out", "conversation": "in"}
"""The `action_cd` that face the customer; all others are drafts, approvals, what did not go out."""


def events(ticket: Object, settings: Settings, since: datetime | None) -> Iterator[Event]:
    """What a ticket's messages tell, from `since` on; those left out with the reason.

    Re:lation's times are whole seconds.
    """
    first = since.replace(microsecond=0) if since is not None else None
    for message in map(an_object, a_list(ticket.get("messages"))):
        number, sent_at = an_id(message.get("message_id")), a_time(message.get("sent_at"))
        if number is None or sent_at is None or (first is not None and sent_at < first):
            continue
        yield _event(ticket, message, number, sent_at, settings)


def _event(
    ticket: Object, message: Object, number: str, sent_at: datetime, settings: Settings
) -> Event:
    method = a_text(message.get("method_cd")) or "unknown"
    action = a_text(message.get("action_cd")) or "unknown"
    customer = customer_of(message, method, action)
    channel = CHANNELS.get(method, "other" if settings.other_channels else None)
    made = Event(
        type=_type(method, action),
        subject_id=an_id(ticket.get("ticket_id")) or "",
        occurred_at=sent_at,
        webhook_id=f"{settings.inbox}/{number}",
        item=number,
        details=_details(ticket, message, number, sent_at, channel, customer, settings),
    )
    reason = _left_out(method, action, channel, customer)
    if reason is None:
        return made
    return attrs.evolve(made, type=f"{method}.{action}"[:200], ignored=reason)


def _type(method: str, action: str) -> str:
    if method in NOTES:
        return "ticket.note_added"
    return "ticket.message_sent" if action == "sent" else "ticket.message_received"


def _left_out(method: str, action: str, channel: str | None, customer: Person) -> str | None:
    """Why a message does not become an activity; None if it does."""
    if action not in DIRECTIONS:
        return f"{action} is internal: only what a customer sent or got is carried"
    if method in TWEETS:
        return "tweets are not carried"
    if channel is None:
        return f"the channel {method} is not documented; other_channels = true carries it as other"
    if customer.email is None:
        return NO_ADDRESS
    return None


def codes(ticket: Object) -> dict[str, str]:
    """The customer code (`system_id1`) that each message names, by the message's number.

    Guess: that messages name it as their customers do; no document shows one that does.
    """
    found = {}
    for message in map(an_object, a_list(ticket.get("messages"))):
        about = an_object(message.get("record")) or message
        number, code = an_id(message.get("message_id")), an_id(about.get("system_id1"))
        if number is not None and code is not None:
            found[number] = code
    return found


def carried_after_all(ticket: Object, event: Event, customer: Person) -> Event:
    """An event that was left out for want of an address, now that the customer is known."""
    message = next(
        one
        for one in map(an_object, a_list(ticket.get("messages")))
        if an_id(one.get("message_id")) == event.item
    )
    method, action = a_text(message.get("method_cd")) or "", a_text(message.get("action_cd")) or ""
    details = attrs.evolve(event.details, customer=customer)
    return attrs.evolve(event, type=_type(method, action), ignored=None, details=details)


def customer_of(message: Object, method: str, action: str) -> Person:
    """The customer, as far as the message tells.

    Of a mail it is who wrote it, or the first whom it was written to; a memo names the contact
    whom it is about. Guess: the documents' own samples show a memo without either; the names of
    these fields are those of public clients of the API, and other channels are read likewise.
    """
    record = an_object(message.get("record"))
    about = record or message
    emails = [a_text(one) for one in a_list(about.get("customer_emails"))]
    tels = [a_text(one) for one in a_list(about.get("customer_tels"))]
    name, address = None, None
    if method not in NOTES:
        name, address = _first(message.get("to" if action == "sent" else "from"))
    return Person(
        id=an_id(about.get("customer_id")),
        email=address or next((one for one in emails if one and "@" in one), None),
        full_name=a_text(about.get("customer_name")) or name,
        phone=next(filter(None, tels), None),
    )


def _first(value: object) -> tuple[str | None, str | None]:
    """Name and address of the first who stands in a mail's header, text or list of texts."""
    headers = [text for text in map(a_text, value if isinstance(value, list) else [value]) if text]
    for name, address in getaddresses(headers):
        if "@" in address.strip("@"):
            return a_text(name), a_text(address)
    return None, None


def _details(
    ticket: Object,
    message: Object,
    number: str,
    sent_at: datetime,
    channel: str | None,
    customer: Person,
    settings: Settings,
) -> Details:
    inbox, ticket_id = str(settings.inbox), an_id(ticket.get("ticket_id"))
    url = settings.ticket_url
    return Details(
        page=Page(id=inbox, title=settings.title),
        ticket=Ticket(
            title=a_text(ticket.get("title")),
            status=a_text(ticket.get("status_cd")),
            url=url.replace("{ticket}", ticket_id) if url and ticket_id else None,
            inbox=settings.title or inbox,
        ),
        message=Message(
            id=number,
            channel=channel,
            direction=DIRECTIONS.get(a_text(message.get("action_cd")) or ""),
            subject=a_text(message.get("title")),
            html=a_text(message.get("body")),  # bodies are HTML, also those of plain mails
            sent_at=sent_at,
        ),
        customer=customer if customer != Person() else None,
    )
