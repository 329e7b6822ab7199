"""Every error crmwire raises, named for what happens next.

CrmwireError
├── ConfigurationError        what a person wrote cannot be used (also ValueError)
│   └── UnknownName           a name that is not there (also LookupError)
├── LoginFailed               a login did not come back as it should (also PermissionError)
├── HomeInUse                 another daemon runs on this data folder
├── StoreUnavailable          the store cannot commit
├── WebhookRefused            a webhook's signature or age is wrong
├── UnreadableWebhook         a webhook's body is not what its source sends (also ValueError)
└── Failure                   a CRM did not do what was asked
    ├── RetryLater            try again after a while
    ├── NeedsLogin            the connection must be logged in again (also PermissionError)
    ├── NotAllowed            the CRM account's configuration forbids it (also PermissionError)
    ├── Rejected              the CRM refused the data (also ValueError)
    ├── NeedsReview           a person must choose among records
    └── PluginBroken          a plugin raised something else, or answered nonsense
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmwire.types import Record

Sent = Literal["no", "yes", "unknown"]
"""Whether a write that failed may stand in the CRM all the same."""


class CrmwireError(Exception):
    """Something went wrong in crmwire."""

    def __init__(self, message: str = "", *, remedy: str = "") -> None:
        self.message = message or (type(self).__doc__ or "").splitlines()[0]
        self.remedy = remedy
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class ConfigurationError(CrmwireError, ValueError):
    """The configuration cannot be used."""

    def __init__(
        self, message: str = "", *, remedy: str = "", problems: Sequence[str] = ()
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  {problem}" for problem in self.problems)])


class UnknownName(ConfigurationError, LookupError):
    """Nothing has that name."""


class LoginFailed(CrmwireError, PermissionError):
    """The login did not come back as it should."""


class HomeInUse(CrmwireError):
    """Another daemon already runs on this data folder."""


class StoreUnavailable(CrmwireError):
    """The store could not commit, so nothing was accepted."""


class WebhookRefused(CrmwireError):
    """The webhook's signature is missing, wrong or too old."""


class UnreadableWebhook(CrmwireError, ValueError):
    """The webhook's body is not what this source sends."""


class Failure(CrmwireError):
    """The CRM did not do what was asked.

    `code` is the vendor's own code, `fields` the fields it names, `request_id` the vendor's
    id of the request, and `sent` tells whether the write may stand in the CRM all the same.
    """

    kind: ClassVar[str] = "failure"

    def __init__(
        self,
        message: str = "",
        *,
        remedy: str = "",
        code: str = "",
        fields: Sequence[str] = (),
        request_id: str = "",
        sent: Sent = "no",
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.code = code
        self.fields = tuple(fields)
        self.request_id = request_id
        self.sent: Sent = sent

    def marked(self, *, sent: Sent | None = None, request_id: str = "") -> Self:
        """Set what the caller knows better than who built the failure; returns itself."""
        if sent is not None:
            self.sent = sent
        if request_id and not self.request_id:
            self.request_id = request_id
        return self


class RetryLater(Failure):
    """The CRM cannot do it now; it is tried again.

    `after` is in seconds (None: the usual ladder). With `pause` the whole lane waits and no
    try is used up: the vendor is down or a limit is reached.
    """

    kind = "retry_later"

    def __init__(
        self,
        message: str = "",
        *,
        after: float | None = None,
        pause: bool = False,
        remedy: str = "",
        code: str = "",
        fields: Sequence[str] = (),
        request_id: str = "",
        sent: Sent = "no",
    ) -> None:
        super().__init__(
            message, remedy=remedy, code=code, fields=fields, request_id=request_id, sent=sent
        )
        self.after = after
        self.pause = pause


class NeedsLogin(Failure, PermissionError):
    """The CRM no longer accepts this connection's login."""

    kind = "needs_login"


class NotAllowed(Failure, PermissionError):
    """The CRM account does not allow this."""

    kind = "not_allowed"


class Rejected(Failure, ValueError):
    """The CRM refused the data."""

    kind = "rejected"


class RecordGone(Rejected):
    """The record that was to be changed is not in the CRM any more.

    `type` and `record` name it if it is not the one that was to be written: a note's parent.
    """

    kind = "record_gone"

    def __init__(
        self,
        message: str = "",
        *,
        type: str = "",  # noqa: A002  (the word of a record)
        record: str = "",
        remedy: str = "",
        code: str = "",
        fields: Sequence[str] = (),
        request_id: str = "",
        sent: Sent = "no",
    ) -> None:
        super().__init__(
            message, remedy=remedy, code=code, fields=fields, request_id=request_id, sent=sent
        )
        self.type = type
        self.record = record


class NeedsReview(Failure):
    """A person must say which record is meant."""

    kind = "needs_review"

    def __init__(
        self,
        message: str = "",
        *,
        candidates: Sequence[Record] = (),
        remedy: str = "",
        code: str = "",
        fields: Sequence[str] = (),
        request_id: str = "",
        sent: Sent = "no",
    ) -> None:
        super().__init__(
            message, remedy=remedy, code=code, fields=fields, request_id=request_id, sent=sent
        )
        self.candidates = tuple(candidates)


class PluginBroken(Failure):
    """A plugin failed in a way that is not the CRM's."""

    kind = "plugin_broken"
