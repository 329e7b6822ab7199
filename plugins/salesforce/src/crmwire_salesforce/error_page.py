"""The reference page of Salesforce's errors, made from the table that decides.

python -m crmwire_salesforce.error_page > docs/reference/salesforce-errors.md
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from crmwire.errors import Failure, NeedsLogin, NeedsReview, NotAllowed, Rejected, RetryLater
from crmwire_salesforce.error_table import TABLE, Rule
from crmwire_salesforce.login_errors import RULES, LoginRule

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
answers and `statusCode` in collections, and mean the same.

| code | class | next | remedy |
|---|---|---|---|
"""

_TAIL = """
A code that is not listed is `RetryLater` with a 5xx status, `NeedsLogin` with 401, `NotAllowed`
with 403, and `Rejected` otherwise. A trigger's or flow's error is `RetryLater` where its text
holds the code of a passing trouble, such as UNABLE_TO_LOCK_ROW. DUPLICATES_DETECTED and
DUPLICATE_VALUE are `Rejected` where Salesforce names no record, since the user may see none; the
remedy of the first says whether the rule blocks or only alerts, where Salesforce tells. Fields that
the mapping's `drop` names are left out if they alone are refused, and the history says so.
"""

_LOGINS = """
## Logins

What a refused login means: an answer of the token endpoint, or what the login page comes back with.
One error may stand for several things, which its description tells apart; the first that fits
counts. Each remedy of a lost login ends with the command that logs in again. An answer with a 5xx
status is never a lost login, whatever it says.

| error | where its description holds | class | what it means | remedy |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    lines = "".join(_line(code, rule) for code, rule in TABLE.items())
    return _HEAD + lines + _TAIL + _LOGINS + "".join(map(_login_line, RULES))


def _login_line(rule: LoginRule) -> str:
    says = " or ".join(f"`{text}`" for text in rule.says) or "anything"
    kind = rule.failure.__name__
    return f"| `{rule.error}` | {says} | {kind} | {rule.message} | {rule.remedy} |\n"


def _line(code: str, rule: Rule) -> str:
    then = NEXT[rule.failure]
    if rule.pause:
        then = f"{then}; the whole org's queue waits"
    if code in AT_ONCE:
        then = f"{AT_ONCE[code]}; else {then}"
    return f"| `{code}` | {rule.failure.__name__} | {then} | {rule.remedy} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
