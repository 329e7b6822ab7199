"""Acme's refusals: what each means for the next step, and what a person can do.

One table for whole answers and for the items of a batch. The body of every refusal is
`{"error": {"code", "message", "field"}}`; `field` may be missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from attrs import frozen
from crmwire.errors import Failure, NeedsLogin, NotAllowed, RecordGone, Rejected, RetryLater


@frozen(kw_only=True)
class Meaning:
    """What a refusal means. With `pause` the whole account waits, and no try is used up."""

    kind: type[Failure]
    remedy: str = ""
    pause: bool = False


AGAIN = "It was deleted in Acme: retry to find it, or make it anew."
LOGIN = "Run `crmwire connect acme --name {name}`, or give it a new token."
MAPPING = "Run `crmwire check {name}`, and mend the mapping; then retry."
RIGHT = "Give the connected user the right to it in Acme; then retry."
VALUE = "Correct the value in the source or the row in the mapping; then retry."

BY_CODE: Mapping[str, Meaning] = {
    "bad_token": Meaning(kind=NeedsLogin, remedy=LOGIN),
    "no_permission": Meaning(kind=NotAllowed, remedy=RIGHT),
    "not_found": Meaning(kind=RecordGone, remedy=AGAIN),
    "no_such_field": Meaning(kind=Rejected, remedy=MAPPING),
    "no_such_type": Meaning(kind=Rejected, remedy=MAPPING),
    "bad_value": Meaning(kind=Rejected, remedy=VALUE),
    "locked": Meaning(kind=RetryLater),
    "too_many_requests": Meaning(kind=RetryLater, pause=True),
    "maintenance": Meaning(kind=RetryLater, pause=True),
}
UNKNOWN = Meaning(kind=Rejected, remedy=VALUE)


def of_answer(body: str, name: str) -> Failure | None:
    """What a refusing answer means; None if it is of another form: core judges by status.

    `name` is the connection's, for the remedy.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    error = told.get("error") if isinstance(told, dict) else None
    return of_error(error, name) if isinstance(error, dict) and error.get("code") else None


def of_error(error: Mapping[str, object], name: str) -> Failure:
    """What one refusal means, wherever it stands."""
    code = str(error.get("code", ""))
    meaning = BY_CODE.get(code, UNKNOWN)
    message = f"Acme refused it: {error.get('message') or code}.".replace("..", ".")
    fields = (str(error["field"]),) if error.get("field") else ()
    remedy = meaning.remedy.format(name=name)
    if meaning.kind is RetryLater:
        return RetryLater(message, remedy=remedy, code=code, fields=fields, pause=meaning.pause)
    return meaning.kind(message, remedy=remedy, code=code, fields=fields)
