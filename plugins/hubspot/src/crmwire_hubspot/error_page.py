"""The reference page of HubSpot's errors, made from the table that decides.

python -m crmwire_hubspot.error_page > docs/reference/hubspot-errors.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from attrs import frozen

from crmwire_hubspot.errors import BY_CODE, BY_LIMIT, BY_STATUS, Meaning
from crmwire_hubspot.login_errors import LOGIN

POLICIES = {"daily": "DAILY", "ten_secondly": "TEN_SECONDLY_ROLLING", "secondly": "SECONDLY"}
"""What HubSpot calls its limits; the last has no name of its own and is told by its message."""

CLASSES: Mapping[str, tuple[str, str]] = {
    "login": ("NeedsLogin", "the queue waits until somebody connects again"),
    "not_allowed": ("NotAllowed", "held: the account must change"),
    "rejected": ("Rejected", "held: the data or the mapping must change"),
    "gone": ("RecordGone", "the link is forgotten and the delivery planned anew"),
    "later": ("RetryLater", "tried again by itself"),
    "pause": ("RetryLater", "tried again by itself; the whole account waits"),
    "broken": ("PluginBroken", "tried again, and to be reported"),
}
"""The class of each outcome, and what happens next."""

_HEAD = """# HubSpot's errors

<!-- Made by `python -m crmwire_hubspot.error_page`; a test holds it up to date. -->

What crmwire makes of each error of HubSpot: the class it is raised as, what happens next, and what
a person can do. The code decides where there is one, else the status; a message's wording decides
only which limit a 429 is about, since HubSpot tells it nowhere else. Errors inside a batch's answer
are those of their own record and are read from the same table.
"""

_TAIL = """
Codes that are not listed are `Rejected` when they come with a 4xx status or inside a batch, and
`RetryLater` with a 5xx. A code that contains `REQUIRED` is read as `REQUIRED_PROPERTY_MISSING`.
`REQUIRED_PROPERTY_MISSING` and `DUPLICATE_IDS` are crmwire's own names: HubSpot gives these errors
none. A missing scope is named, with the capability that is lost without it. `NAME` in a remedy is
the connection's own name.
"""


@frozen(kw_only=True)
class Row:
    """One error of the page. `status` and `code` are as they are met."""

    status: int | None
    code: str
    meaning: Meaning

    @property
    def failure(self) -> str:
        return CLASSES[self.meaning.outcome][0]


def by_code() -> Iterator[Row]:
    for code, meaning in BY_CODE.items():
        yield Row(status=None, code=code, meaning=meaning)


def by_limit() -> Iterator[Row]:
    for word, meaning in BY_LIMIT.items():
        yield Row(status=429, code=POLICIES[word], meaning=meaning)


def by_status() -> Iterator[Row]:
    for status, meaning in BY_STATUS.items():
        yield Row(status=status, code=f"HTTP {status}", meaning=meaning)


def by_login() -> Iterator[Row]:
    for code, meaning in LOGIN.items():
        yield Row(status=None, code=code, meaning=meaning)


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title, rows in (
        ("By code", by_code()),
        ("Limits: 429", by_limit()),
        ("By status, where no code says more", by_status()),
        ("Logins: the token endpoint and the login page", by_login()),
    ):
        parts.append(f"\n## {title}\n\n| code | what it means | class | next | remedy |\n")
        parts.append("|---|---|---|---|---|\n")
        parts += [_line(row) for row in rows]
    return "".join([*parts, _TAIL])


def _line(row: Row) -> str:
    name, then = CLASSES[row.meaning.outcome]
    meaning = row.meaning
    return f"| `{row.code}` | {meaning.message} | {name} | {then} | {meaning.remedy} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
