"""Whether Cal.com's webhooks that point to a crmwire are as they must be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crmwire.feeds import OpenFeed
from crmwire.reading import Object, a_host, a_list, a_text, an_object
from crmwire.types import Finding
from crmwire_calcom.past import VERSION

NEEDED = ("BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED")


def findings(feed: OpenFeed) -> Sequence[Finding]:
    """What the API tells of the user's webhooks; nothing without a token.

    Webhooks of a team or of one event type are in other lists, so none at all is no fault.
    """
    if not feed.feed.token:
        return ()
    answer = an_object(feed.http.get("webhooks", headers=VERSION).json())
    return [
        found
        for one in map(an_object, a_list(answer.get("data")))
        # Which of them is this feed's cannot be told: addresses are stored as hashes only.
        if "/in/" in (a_text(one.get("subscriberUrl")) or "")
        for found in _of(feed.name, one)
    ]


def _of(name: str, webhook: Object) -> Iterator[Finding]:
    # Only the host is shown: the rest of the address is a secret.
    host = a_host(webhook.get("subscriberUrl")) or "?"
    triggers = a_list(webhook.get("triggers"))
    missing = [trigger for trigger in NEEDED if trigger not in triggers]
    if webhook.get("active") is False:
        message = f"the webhook to {host} is switched off in Cal.com"
        remedy = "Switch it on: Settings, Developer, Webhooks."
        yield Finding(level="error", subject=name, message=message, remedy=remedy)
    elif a_text(webhook.get("payloadTemplate")):
        message = f"the webhook to {host} has a custom payload template, which cannot be read"
        remedy = "Switch the template off: Settings, Developer, Webhooks."
        yield Finding(level="error", subject=name, message=message, remedy=remedy)
    elif missing:
        message = f"the webhook to {host} does not send {', '.join(missing)}"
        remedy = "Switch these triggers on: Settings, Developer, Webhooks."
        yield Finding(level="warning", subject=name, message=message, remedy=remedy)
    else:
        yield Finding(level="ok", subject=name, message=f"Cal.com sends to {host}")
