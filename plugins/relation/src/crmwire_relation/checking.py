"""Whether a feed works: its token, its inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmwire.reading import a_list, an_id, an_object
from crmwire.types import Finding
from crmwire_relation.info import HEADERS
from crmwire_relation.settings import settings_of

if TYPE_CHECKING:
    from crmwire.feeds import OpenFeed


def findings(feed: OpenFeed) -> list[Finding]:
    """What is wrong with the feed's inbox; a refused token is raised."""
    settings = settings_of(feed.feed)
    boxes = a_list(feed.http.get("api/v2/message_boxes", headers=HEADERS).json())
    known = [an_id(an_object(box).get("message_box_id")) for box in boxes]
    if str(settings.inbox) in known:
        return []
    return [
        Finding(
            level="error",
            subject=feed.name,
            message=f"The token sees no inbox {settings.inbox}.",
            remedy=f"It sees: {', '.join(filter(None, known)) or 'none'}. Change the feed's inbox.",
        )
    ]
