"""What the answers tell of the org's daily number of API calls."""

from __future__ import annotations

import re
from collections.abc import Mapping

from crmwire.types import LimitState

DAILY = "daily"
_USAGE = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")


def usage(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """Calls used and allowed in the last 24 hours, by `Sforce-Limit-Info`."""
    found = _USAGE.search(headers.get("sforce-limit-info", ""))
    return (int(found[1]), int(found[2])) if found else None


def read_limits(headers: Mapping[str, str]) -> list[LimitState]:
    """What is left of the day's calls. The window slides, so no time of reset is known."""
    known = usage(headers)
    if known is None:
        return []
    used, allowed = known
    return [LimitState(name=DAILY, remaining=max(0, allowed - used), total=allowed)]
