"""The reference page of Salesforce's errors, made from the table that decides.

python -m crmwire_salesforce.error_page > docs/reference/salesforce-errors.md
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from crmwire.errors import Failure, NeedsLogin, NeedsReview, NotAllowed, Rejected, RetryLater
from crmwire_salesforce.error_table import TABLE, Rule

NEXT: Mapping[type[Failure], str] = {
    NeedsLogin: "the queue waits until somebody connects again",
    NotAllowed: "held: the org must change",
    Rejected: "held: the data or the mapping must change",
    NeedsReview: "held: a person chooses the record",
    RetryLater: "tried again by itself",
}

AT_ONCE: Mapping[str, str] = {
    "CANNOT_UPDATE_CONVERTED_LEAD": "the lead's contact is used at once",
    "DUPLICATES_DETECTED": "with `use_match` the record that was found is used at once",
    "ENTITY_IS_DELETED": "a merged record is followed; an event or person that is gone is planned "
    "anew; a delete counts as done",
    "INACTIVE_OWNER_OR_USER": "the fallback owner, or the connected user, owns it at once",
    "INVALID_CROSS_REFERENCE_KEY": "a record that was merged or converted is followed; one that "
    "is gone is planned anew",
    "INVALID_PERSON_ACCOUNT_OPERATION": "the fields are written to the account at once",
    "NOT_FOUND": "as ENTITY_IS_DELETED",
    "OP_WITH_INVALID_USER_TYPE_EXCEPTION": "as INACTIVE_OWNER_OR_USER",
    "DUPLICATE_VALUE": "of an external id: sent once more, and becomes an update",
    "PROCESSING_HALTED": "a graph that was not run is sent again at once",
}
"""What is done before the failure counts, where something can be."""

_HEAD = """# Salesforce's errors

<!-- Made by `python -m crmwire_salesforce.error_page`; a test holds it up to date. -->

What crmwire makes of each error code of Salesforce: the class it is raised as, what happens next,
and what an admin can do. Only the code decides, since messages come in the connected user's
language; the message itself is shown beside the remedy. Codes are named `errorCode` in single
answers, `statusCode` in collections and `error` at the login, and mean the same.

| code | class | next | remedy |
|---|---|---|---|
"""

_TAIL = """
A code that is not listed is `RetryLater` with a 5xx status, `NeedsLogin` with 401, `NotAllowed`
with 403, and `Rejected` otherwise. A trigger's or flow's error is `RetryLater` where its text
holds the code of a passing trouble, such as UNABLE_TO_LOCK_ROW. DUPLICATES_DETECTED is `Rejected`
where Salesforce names no record, since the user may see none. Fields that the mapping's `drop`
names are left out if they alone are refused, and the history says so.
"""


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(_line(code, rule) for code, rule in TABLE.items()) + _TAIL


def _line(code: str, rule: Rule) -> str:
    then = NEXT[rule.failure]
    if rule.pause:
        then = f"{then}; the whole org's queue waits"
    if code in AT_ONCE:
        then = f"{AT_ONCE[code]}; else {then}"
    return f"| `{code}` | {rule.failure.__name__} | {then} | {rule.remedy} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
