"""What TimeRex is as a source."""

from __future__ import annotations

from crmwire.types import FeedApi, Limit, SignatureScheme, SourceInfo

TOKEN = SignatureScheme(header="x-timerex-authorization", algorithm="static")
"""Nothing is signed: the header holds the security token itself."""

OLDER_TOKEN = SignatureScheme(header="authorization", algorithm="static")
"""The header by an older help page (support.timerex.net, 360049651071, read 2026-11)."""

INFO = SourceInfo(
    key="timerex",
    title="TimeRex",
    events=("booking.created", "booking.rescheduled", "booking.updated", "booking.cancelled"),
    page="calendar",
    settings=(),
    signature=TOKEN,
    setup=(
        "In TimeRex (Premium plan), open the settings of the team (or your own), Integrations,"
        " Webhook, and enter this address. TimeRex shows a security token then: run `crmwire feed"
        " add` once more with the same name and give the token as the secret. The address must be"
        " https on port 443."
    ),
)

API = FeedApi(
    base_url="https://timerex.net/api/beta",
    host_suffixes=("timerex.net",),
    header="x-api-key",
    template="{token}",
    # 60 requests a minute for each user (TimeRex API, read 2026-11).
    limits=(Limit(name="calls", calls=60, seconds=60.0),),
    token_hint="Make an API key in TimeRex: team settings, developer tools.",  # noqa: S106
)
