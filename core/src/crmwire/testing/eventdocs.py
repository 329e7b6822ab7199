"""The reference of events: `python -m crmwire.testing.eventdocs plugins`.

It stands in docs/reference/events.md. Which source tells which field is found out from the bodies
that each plugin's tests hold.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import attrs

from crmwire.hooks import SourceHooks, manager
from crmwire.hookspecs import SourceSpecs
from crmwire.types import Event, Feed, WebhookRequest
from crmwire.vocabulary import BOOKING_EVENTS, TICKET_EVENTS

_HEAD = """# Events and their fields

Every source speaks this vocabulary. Made by `python -m crmwire.testing.eventdocs plugins` from the
bodies in each source's tests; a test holds it up to date. A dot says that the source tells the
field where the booking has it; what a source does not tell stays as it was known. Files (`crmwire
backfill --file`) and the generic sources of core tell whatever they are given.

Expressions of a mapping use these names; `host` is the first of `hosts`, and names that are missing
are split out of `full_name`, phone numbers made E.164 (`phone_raw` is what was typed).
"""

MEANS: Mapping[str, str] = {
    "booking.requested": "waits for the host",
    "booking.created": "was made (and accepted)",
    "booking.rescheduled": "has another time, maybe under another id",
    "booking.cancelled": "does not take place",
    "booking.rejected": "the host declined it",
    "booking.reassigned": "has another host",
    "booking.no_show": "the guest did not come",
    "booking.no_show_cleared": "the guest came after all",
    "booking.completed": "is over",
    "booking.updated": "something else of it is new: its place, or why it is being moved",
    "ticket.created": "a conversation began",
    "ticket.message_received": "the customer wrote",
    "ticket.message_sent": "the team wrote",
    "ticket.note_added": "a memo was put down",
    "ticket.assigned": "somebody else looks after it",
    "ticket.status_changed": "its status is another",
    "ticket.closed": "it is done",
}

FIELDS: Mapping[str, str] = {
    "subject_id": "the booking's or ticket's id at the source",
    "previous_ids": "ids that it had before a move",
    "page.id": "what routes name: booking page, calendar, event type, inbox",
    "page.title": "what people call it",
    "booking.title": "the meeting's own title",
    "booking.start": "when it begins (aware, UTC)",
    "booking.end": "when it ends (aware, UTC)",
    "booking.previous_start": "when it began before the move; else as crmwire knew it",
    "booking.previous_end": "when it ended before the move; else as crmwire knew it",
    "booking.timezone": "the guest's zone (TimeRex: the calendar's), an IANA name",
    "booking.notes": "what the guest wrote",
    "booking.location": "where, as text",
    "booking.join_url": "the link of the online meeting",
    "booking.reason": "why it was cancelled, declined or moved",
    "booking.by": "who did that: `host`, `guest`, or as the source says",
    "booking.url": "the booking at the source: to see, move or cancel it",
    "guest.email": "the guest's address",
    "guest.full_name": "the name as one text",
    "guest.given_name": "its part, if the source has it",
    "guest.family_name": "its part, if the source has it",
    "guest.given_kana": "the part in kana, from a question",
    "guest.family_kana": "the part in kana, from a question",
    "guest.phone": "the number as typed, from a field or a question",
    "guest.company": "from a field or a question",
    "guest.title": "job title, from a question",
    "guest.locale": "the language they booked in",
    "guest.timezone": "their zone",
    "guest.id": "their id at the source",
    "guests": "further guests, each with the fields of `guest`",
    "hosts.email": "a host's address",
    "hosts.full_name": "a host's name",
    "hosts.id": "a host's id at the source",
    "hosts.timezone": "a host's zone",
    "hosts.locale": "a host's language",
    "answers.key": "what a mapping calls the question: its slug, or its words",
    "answers.label": "the question's words",
    "answers.type": "its kind, as the source says",
    "answers.values": "the answer, one text for each choice",
    "tracking": "UTM parameters, and ids of records that the link named",
    "payment.amount": "what it costs, in the currency's main unit",
    "payment.currency": "the currency's code",
    "payment.status": "`paid`, `failed`, or not said",
    "ticket.title": "the subject of the conversation",
    "ticket.status": "as the source says",
    "ticket.url": "the ticket at the source",
    "ticket.inbox": "the inbox it came to",
    "message.id": "the message's id",
    "message.channel": "mail, sms, line, call …",
    "message.direction": "`in` or `out`",
    "message.subject": "its subject line",
    "message.text": "its text",
    "message.html": "its text as HTML",
    "message.sent_at": "when it was sent (aware, UTC)",
    "customer.id": "the customer's id at the source",
    "customer.email": "the customer's address",
    "customer.full_name": "the customer's name",
    "customer.phone": "the customer's number",
}

RELATION = frozenset(
    [
        *("subject_id", "page.id", "page.title"),
        *("ticket.title", "ticket.status", "ticket.url", "ticket.inbox"),
        *("message.id", "message.channel", "message.direction", "message.subject"),
        *("message.html", "message.sent_at"),
        *("customer.id", "customer.email", "customer.full_name", "customer.phone"),
        *("ticket.message_received", "ticket.message_sent", "ticket.note_added"),
    ]
)
"""What Re:lation tells: it is polled, so it has no bodies to look at."""


def told_by(plugins: Path) -> dict[str, frozenset[str]]:
    """For each source's title, the kinds and fields that its bodies tell."""
    told: dict[str, frozenset[str]] = {}
    for folder in sorted(plugins.glob("*/tests/payloads")):
        key = folder.parents[1].name
        hooks = SourceHooks(
            manager(SourceSpecs, [(key, importlib.import_module(f"crmwire_{key}"))]), key
        )
        hooks.feed = Feed(name=key, source=key)
        seen: set[str] = set()
        for path in sorted(folder.glob("*.json")):
            body = json.dumps(json.loads(path.read_text("utf-8"))).encode()
            request = WebhookRequest(body=body, received_at=datetime(2026, 11, 30, tzinfo=UTC))
            for event in hooks.parse_webhook(request):
                seen.update(_fields(event))
        told[hooks.source_info().title] = frozenset(seen)
    if (plugins / "relation").is_dir():
        told["Re:lation"] = RELATION
    return told


def _fields(event: Event) -> Iterator[str]:
    if event.ignored:
        return
    yield event.type
    yield "subject_id"
    if event.previous_ids:
        yield "previous_ids"
    for name in attrs.fields_dict(type(event.details)):
        value = getattr(event.details, name)
        if name in ("tracking", "guests"):
            yield from [name] if value else []
            continue
        for one in value if isinstance(value, tuple) else [value]:
            if one is not None:
                yield from (f"{name}.{field}" for field in attrs.asdict(one) if getattr(one, field))


def reference(plugins: Path) -> str:
    """The page as Markdown."""
    told = told_by(plugins)
    parts = [_HEAD]
    for title, kinds in (("Bookings", BOOKING_EVENTS), ("Tickets", TICKET_EVENTS)):
        rows = {kind: MEANS[kind] for kind in kinds}
        parts.append(f"\n## {title}: what can happen\n\n{_table('event', rows, told)}")
    for title, starts in _SECTIONS:
        rows = {path: text for path, text in FIELDS.items() if path.startswith(starts)}
        parts.append(f"\n## {title}\n\n{_table('field', rows, told)}")
    return "".join(parts)


_SECTIONS = (
    ("Which booking or ticket, and which page", ("subject_id", "previous_ids", "page")),
    ("The booking", ("booking",)),
    ("The guest", ("guest",)),
    ("Hosts, answers, tracking, payment", ("hosts", "answers", "tracking", "payment")),
    ("Tickets and their messages", ("ticket", "message", "customer")),
)


def _table(what: str, rows: Mapping[str, str], told: Mapping[str, frozenset[str]]) -> str:
    shown = [title for title in told if told[title] & rows.keys()]
    lines = [
        f"| {what} | meaning |" + "".join(f" {title} |" for title in shown),
        "|---|---|" + ":-:|" * len(shown),
    ]
    for path, text in rows.items():
        marks = "".join(" ● |" if path in told[title] else "  |" for title in shown)
        lines.append(f"| `{path}` | {text} |{marks}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference(Path(sys.argv[1])))
