"""The kinds of trouble: how long each must last before it is told, and when it is over."""

from __future__ import annotations

from attrs import frozen

from crmwire.store.alerts import Digest

DAY = 86400.0
DIGESTS: dict[Digest, float | None] = {"daily": DAY, "weekly": 7 * DAY, "off": None}
"""Seconds between two digests."""


@frozen(kw_only=True)
class Kind:
    """One kind of trouble. Times are in seconds.

    `patience` is how long it must last before it is told, unless it is known to last; `calm` how
    long it must not be seen before it counts as over: what comes and goes is one trouble.
    """

    key: str
    title: str
    over: str
    patience: float = 0.0
    calm: float = 0.0


KINDS = {
    one.key: one
    for one in (
        Kind(
            key="needs_login",
            title="the login was lost",
            over="logged in again",
            calm=10.0,
        ),
        Kind(
            key="not_allowed",
            title="the CRM account does not allow something",
            over="no delivery is held for this any more",
            calm=300.0,
        ),
        Kind(
            key="held",
            title="deliveries are held for a person",
            over="no delivery is held for this any more",
            calm=300.0,
        ),
        Kind(
            key="vendor_down",
            title="the CRM does not answer",
            over="the CRM answers again",
            patience=900.0,
            calm=120.0,
        ),
        Kind(
            key="limit",
            title="a limit of the account is used up",
            over="requests are allowed again",
            patience=900.0,
            calm=120.0,
        ),
        Kind(
            key="hangs",
            title="a plugin hangs",
            over="the plugin answers again",
            calm=120.0,
        ),
        Kind(
            key="plugin",
            title="a plugin fails",
            over="the plugin works again",
            calm=300.0,
        ),
        Kind(
            key="vault",
            title="a secret cannot be read",
            over="its secrets can be read again",
            calm=60.0,
        ),
        Kind(
            key="check",
            title="the check found errors",
            over="the check finds no error any more",
        ),
        Kind(
            key="unreadable",
            title="webhooks could not be read",
            over="no unreadable webhook came in for a day",
        ),
        Kind(
            key="refused",
            title="webhooks were refused",
            over="webhooks are taken again",
            calm=600.0,
        ),
        Kind(
            key="poll",
            title="a source cannot be asked",
            over="the source answers again",
            patience=900.0,
            calm=60.0,
        ),
        Kind(
            key="alerts",
            title="alerts do not arrive",
            over="alerts arrive again",
            patience=900.0,
        ),
    )
}


@frozen(kw_only=True)
class Pace:
    """How fast people are told; in seconds. Tests shorten it and never bypass it.

    What is found within `gather` of the first is told together. At most `burst` messages of one
    kind go out within `gap`; more waits and is told together. What was told `most` times within
    a day is left to the digest. `scale` shortens patience, calm and digests alike.
    """

    look: float = 1.0
    gather: float = 5.0
    gap: float = 300.0
    burst: int = 3
    most: int = 3
    scale: float = 1.0
    tries: tuple[float, ...] = (10.0, 60.0, 300.0, 1800.0, 7200.0, 21600.0)
    give_up_after: float = 3 * DAY
    sending: float = 60.0
    """The longest that one message takes to send."""

    def patience(self, kind: Kind) -> float:
        return kind.patience * self.scale

    def calm(self, kind: Kind) -> float:
        return kind.calm * self.scale

    def digest(self, chosen: Digest) -> float | None:
        """Seconds between two digests, None if there are none."""
        seconds = DIGESTS[chosen]
        return None if seconds is None else seconds * self.scale
