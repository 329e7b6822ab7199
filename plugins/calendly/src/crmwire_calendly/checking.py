"""Whether Calendly still sends: it switches a webhook off for good after a day of failures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crmwire.feeds import OpenFeed
from crmwire.reading import Object, a_host, a_list, a_text, an_object
from crmwire.types import Finding
from crmwire_calendly.api import MOST, me

NEEDED = ("invitee.created", "invitee.canceled")

AGAIN = (
    "Make the subscription anew (POST /webhook_subscriptions), then run `crmwire backfill` for the"
    " time between."
)


def findings(feed: OpenFeed) -> Sequence[Finding]:
    """What the API tells of the webhooks that point to a crmwire; nothing without a token."""
    if not feed.feed.token:
        return ()
    user = me(feed)
    organization = a_text(user.get("current_organization")) or ""
    params = {"organization": organization, "count": str(MOST), "scope": "organization"}
    if feed.settings.get("scope") != "organization":
        params |= {"scope": "user", "user": a_text(user.get("uri")) or ""}
    answer = an_object(feed.http.get("webhook_subscriptions", params=params).json())
    ours = [
        one
        for one in map(an_object, a_list(answer.get("collection")))
        # Which of them is this feed's cannot be told: addresses are stored as hashes only.
        if "/in/" in (a_text(one.get("callback_url")) or "")
    ]
    made = [found for one in ours for found in _of(feed.name, one)]
    if not ours:
        made.append(
            Finding(
                level="warning",
                subject=feed.name,
                message="no webhook subscription of this user points to a crmwire address",
                remedy="Make one (POST /webhook_subscriptions); if another user made it, ignore"
                " this.",
            )
        )
    return made


def _of(name: str, subscription: Object) -> Iterator[Finding]:
    # Only the host is shown: the rest of the address is a secret.
    host = a_host(subscription.get("callback_url")) or "?"
    state, events = a_text(subscription.get("state")), a_list(subscription.get("events"))
    missing = [kind for kind in NEEDED if kind not in events]
    retrying = a_text(subscription.get("retry_started_at"))
    if state == "disabled":
        message = f"Calendly switched the webhook to {host} off and sends nothing any more"
        yield Finding(level="error", subject=name, message=message, remedy=AGAIN)
    elif retrying:
        message = f"Calendly cannot deliver to {host} since {retrying}"
        remedy = "See that the address is reached; after 24 hours Calendly switches it off."
        yield Finding(level="warning", subject=name, message=message, remedy=remedy)
    elif missing:
        message = f"the webhook to {host} does not send {' and '.join(missing)}"
        yield Finding(level="warning", subject=name, message=message, remedy=AGAIN)
    else:
        yield Finding(level="ok", subject=name, message=f"Calendly sends to {host}")
