"""What comes in, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from crmwire import intake, repairing
from crmwire.app.folder import OpenFolder
from crmwire.previewing import previews
from crmwire.store import DeliveryFilter
from crmwire.types import WebhookRequest

if TYPE_CHECKING:
    from crmwire.intake import Intake
    from crmwire.previewing import Preview
    from crmwire.store import Counts, DeliveryRow, DeliveryView


class Deliveries(OpenFolder):
    """Methods for events and deliveries."""

    def accept(
        self,
        feed: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        trusted: bool = False,
    ) -> Intake:
        """Take in one webhook body. `trusted` bodies (files, tests) need no signature.

        Raises: WebhookRefused, UnreadableWebhook, StoreUnavailable.
        """
        row = self.openings.feed(feed)
        request = WebhookRequest(
            body=body,
            headers={name.lower(): value for name, value in (headers or {}).items()},
            received_at=self.clock.now(),
        )
        if not trusted:
            return intake.take_in(self.openings, row, request)
        events = self.openings.source(row).parse_webhook(request)
        return intake.accepted(self.openings, row, events, self.clock.now())

    def preview(self, feed: str, body: bytes, *, connection: str | None = None) -> list[Preview]:
        """What a webhook body would do, as if it came in now; only reads are sent.

        Raises: UnknownName, UnreadableWebhook, ConfigurationError.
        """
        return previews(self.openings, self.store.feed(feed), body, connection)

    def deliveries(self, wanted: DeliveryFilter | None = None) -> list[DeliveryRow]:
        return self.store.deliveries(wanted or DeliveryFilter())

    def delivery(self, id_: int) -> DeliveryView:
        """Raises: UnknownName."""
        return self.store.delivery(id_)

    def retry(
        self, ids: Sequence[int], *, again: bool = False, use: str | None = None
    ) -> list[int]:
        """Make held deliveries ready again; returns which. Raises: UnknownName.

        `use` is the record (`ID`, or `Type/ID`) that a person chose for a held delivery; every
        held delivery of the same person in the lane is then resolved with it.
        """
        return repairing.retry(self.store, ids, self.clock.now().timestamp(), again=again, use=use)

    def dismiss(self, ids: Sequence[int]) -> list[int]:
        """Give up held or waiting deliveries for good; returns which. Raises: UnknownName."""
        return repairing.dismiss(self.store, ids, self.clock.now().timestamp())

    def counts(self) -> list[Counts]:
        return self.store.counts()
