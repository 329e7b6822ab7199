"""What becomes of HubSpot's errors: one table for whole answers and for items of a batch.

Decided by status, category and code, never by the wording of a message, except where HubSpot says
it nowhere else: which limit a 429 is about. Sources: developers.hubspot.com/docs, "Error
handling", "Usage guidelines" and "Working with OAuth", read 2026-11; codes marked (seen) are from
published answers of the live service.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import frozen

from crmwire.errors import (
    Failure,
    NeedsLogin,
    NotAllowed,
    PluginBroken,
    RecordGone,
    Rejected,
    RetryLater,
)
from crmwire.http import retry_after
from crmwire_hubspot.bodies import DUPLICATE, MISSING, ErrorBody, read_text
from crmwire_hubspot.limits import HOUR, day_over_in

Outcome = Literal["login", "not_allowed", "rejected", "gone", "later", "pause", "broken"]


@frozen(kw_only=True)
class Meaning:
    """What an error means: what happens next, and what a person can do. `after` is in seconds."""

    outcome: Outcome
    message: str
    remedy: str = ""
    after: float | None = None


WAIT = "Nothing to do: it is tried again."
REPORT = "Report this to the plugin's authors, with the code and the request id."
RULE = "Correct the value, or change the rule in HubSpot's settings, Properties; then retry."
LOGIN = (
    "Log in again: `crmwire connect hubspot --name NAME`. The token of a service key or private "
    "app is given by `crmwire connection add hubspot --name NAME` instead."
)
MAPPING = "Change the mapping (`crmwire fields` lists the properties), then retry."
VALUE = "Correct the value, or leave the property out of the mapping; then retry."

BY_CODE: Mapping[str, Meaning] = {
    "EXPIRED_AUTHENTICATION": Meaning(
        outcome="login", message="HubSpot says that the token has expired.", remedy=LOGIN
    ),
    "INVALID_AUTHENTICATION": Meaning(
        outcome="login", message="HubSpot does not know the token.", remedy=LOGIN
    ),
    "MISSING_SCOPES": Meaning(
        outcome="not_allowed",
        message="HubSpot does not let this connection do that: a scope is missing.",
        remedy="Run `crmwire check`, which names the scope, and grant it in HubSpot.",
    ),
    "PROPERTY_DOESNT_EXIST": Meaning(  # (seen)
        outcome="rejected", message="HubSpot has no such property.", remedy=MAPPING
    ),
    "READ_ONLY_VALUE": Meaning(
        outcome="rejected", message="HubSpot computes this property itself.", remedy=MAPPING
    ),
    "INVALID_EMAIL": Meaning(  # (seen)
        outcome="rejected", message="HubSpot does not take this email address.", remedy=VALUE
    ),
    "INVALID_OPTION": Meaning(  # (seen)
        outcome="rejected",
        message="The value is not among the property's options.",
        remedy="Map to one of the options, exactly as HubSpot stores it, then retry.",
    ),
    "INVALID_LONG": Meaning(  # (seen)
        outcome="rejected", message="The value is not a time or whole number.", remedy=VALUE
    ),
    "INVALID_DATE": Meaning(outcome="rejected", message="The value is not a date.", remedy=VALUE),
    "INVALID_ALPHA": Meaning(  # (documented example)
        outcome="rejected", message="The account takes letters only here.", remedy=RULE
    ),
    "INVALID_NUMBER": Meaning(
        outcome="rejected", message="The value is not a number.", remedy=VALUE
    ),
    "INVALID_OWNER_ID": Meaning(
        outcome="rejected",
        message="The account has no such owner.",
        remedy="Run `crmwire check`, which reads the owners anew, then retry.",
    ),
    "VALUE_TOO_LONG": Meaning(
        outcome="rejected",
        message="The value is longer than the property takes.",
        remedy="Let the mapping's row say `cut = true`, then retry.",
    ),
    DUPLICATE: Meaning(  # (seen, without a code of its own)
        outcome="broken", message="A record stood twice in one batch.", remedy=REPORT
    ),
    "OBJECT_ALREADY_EXISTS": Meaning(  # (seen)
        outcome="rejected",
        message="A property or group of that name is there already.",
        remedy="Nothing to do: `crmwire setup` takes it as made.",
    ),
    MISSING: Meaning(  # the name of the vendor's own code, if it has one, is not known
        outcome="not_allowed",
        message="The account demands properties that the mapping does not fill.",
        remedy="Map them, or lift the requirement in HubSpot's settings; then retry.",
    ),
    "CONFLICTING_UNIQUE_VALUE": Meaning(
        outcome="rejected",
        message="Another record has this value, which must be unique.",
        remedy="Match by that property, or merge the records in HubSpot; then retry.",
    ),
    "CONFLICT": Meaning(  # (seen)
        outcome="rejected",
        message="The record is already there.",
        remedy="Retry: it is looked up again.",
    ),
    "OBJECT_NOT_FOUND": Meaning(  # (seen)
        outcome="gone",
        message="The record is no longer in HubSpot: deleted, or not visible to this connection.",
        remedy="Restore it in HubSpot and retry, or dismiss the delivery.",
    ),
    "crm.associations.INVALID_IDENTIFIER": Meaning(  # (seen)
        outcome="rejected",
        message="What is to be associated with is no record id.",
        remedy="Mend the mapping's `associations` row or the link that feeds it, then retry.",
    ),
    "RATE_LIMITS": Meaning(  # (seen)
        outcome="pause", message="HubSpot asks for fewer requests.", remedy=WAIT, after=10.0
    ),
    "INTERNAL_ERROR": Meaning(outcome="later", message="HubSpot failed inside.", remedy=WAIT),
    "VALIDATION_ERROR": Meaning(
        outcome="rejected", message="HubSpot refused the data.", remedy=VALUE
    ),
}
"""By category, sub-category or the code of a property's problem."""

_AWAY = Meaning(outcome="pause", message="HubSpot is not available.", remedy=WAIT)
_UNTRUSTED = Meaning(
    outcome="pause",
    message="HubSpot's certificate does not hold.",
    remedy="If it stays so, see status.hubspot.com, and look for a proxy in between.",
    after=HOUR,
)

BY_STATUS: Mapping[int, Meaning] = {
    400: Meaning(
        outcome="rejected",
        message="HubSpot could not read the request, or knows no such object type.",
        remedy="Check the mapping (`crmwire check`); if it is well, report this.",
    ),
    401: Meaning(outcome="login", message="HubSpot does not accept the token.", remedy=LOGIN),
    403: Meaning(
        outcome="not_allowed",
        message="HubSpot does not let this connection do that.",
        remedy="Run `crmwire check`, which names the missing scope, and grant it in HubSpot.",
    ),
    404: Meaning(
        outcome="rejected",
        message="HubSpot knows no such path, object type or record.",
        remedy="Check the mapping's object types (`crmwire check`), then retry.",
    ),
    409: BY_CODE["CONFLICT"],
    414: Meaning(outcome="broken", message="The request was too long for HubSpot.", remedy=REPORT),
    423: Meaning(
        outcome="later",
        message="HubSpot works on the record just now.",
        remedy=WAIT,
        after=2.0,
    ),
    477: Meaning(
        outcome="pause",
        message="HubSpot moves the account to another data centre.",
        remedy="Nothing to do: it goes on when the move is done, within a day.",
        after=HOUR,
    ),
    500: BY_CODE["INTERNAL_ERROR"],
    502: _AWAY,
    503: _AWAY,
    504: _AWAY,
    521: _AWAY,
    522: _AWAY,
    523: _AWAY,
    524: _AWAY,
    525: _UNTRUSTED,
    526: _UNTRUSTED,
}
"""By status, where the body says nothing better; from 423 on the status alone decides."""

BY_LIMIT: Mapping[str, Meaning] = {
    "daily": Meaning(
        outcome="pause",
        message="The HubSpot account's calls of the day are used up.",
        remedy="It goes on after midnight in the account's time zone; nothing is lost.",
        # Where the account's zone is known it waits until midnight there: `limits.day_over_in`.
        after=HOUR,
    ),
    "ten_secondly": Meaning(
        outcome="pause", message="Too many requests in ten seconds.", remedy=WAIT, after=10.0
    ),
    "secondly": Meaning(
        outcome="pause", message="Too many searches in a second.", remedy=WAIT, after=1.0
    ),
}
"""By `policyName` of a 429, else by these words in its message; looked for in this order."""

_UNKNOWN = Meaning(outcome="rejected", message="HubSpot refused the request.", remedy=VALUE)


def classify(status: int, headers: Mapping[str, str], body: str, zone: str = "") -> Failure:
    """What a refusing answer means. Header names are lower-cased; `zone` is the account's own."""
    parsed = read_text(body)
    wait = retry_after(headers)
    if wait is None and status == 429 and _meaning(parsed, status)[1] is BY_LIMIT["daily"]:
        wait = day_over_in(headers, zone)
    request_id = headers.get("x-hubspot-correlation-id", "") or parsed.correlation_id
    return failure(parsed, status=status, wait=wait, request_id=request_id)


def failure(
    error: ErrorBody, *, status: int | None = None, wait: float | None = None, request_id: str = ""
) -> Failure:
    """The Failure of an error body; an item of a batch has no status of its own."""
    code, meaning = _meaning(error, status)
    # "Expired 20000 days ago" would mislead where the token is none at all.
    told = "" if meaning is BY_CODE["INVALID_AUTHENTICATION"] else error.told
    message = " ".join(part for part in (meaning.message, told) if part)
    return made(meaning, message, code, error.fields, request_id, wait)


def _meaning(error: ErrorBody, status: int | None) -> tuple[str, Meaning]:
    fallback = f"HTTP {status}" if status else ""
    if status == 429:
        said = (error.policy or error.message).lower()
        for word, meaning in BY_LIMIT.items():
            if word in said:
                return error.policy or word.upper(), meaning
        return error.category or fallback, BY_CODE["RATE_LIMITS"]
    if status == 401 and _long_expired(error):
        # A text that is no token at all reads as expired since 1970 (seen).
        return error.category, BY_CODE["INVALID_AUTHENTICATION"]
    if status is None or status < 414:
        for code in error.codes:
            if code in BY_CODE:
                exact = error.codes[0] if code == "VALIDATION_ERROR" else code
                return exact, BY_CODE[code]
            if "REQUIRED" in code:
                return code, BY_CODE[MISSING]
    code = next(iter(error.codes), fallback)
    if status is None:
        return code, _UNKNOWN
    return code, BY_STATUS.get(status) or (BY_STATUS[500] if status >= 500 else _UNKNOWN)


def _long_expired(error: ErrorBody) -> bool:
    return any(moment.startswith("1970") for moment in error.context.get("expire time", ()))


def named(failure: Failure, connection: str) -> Failure:
    """The failure with the connection's name in the commands of its remedy."""
    failure.remedy = failure.remedy.replace("--name NAME", f"--name {connection}")
    return failure


def made(
    meaning: Meaning,
    message: str,
    code: str,
    fields: tuple[str, ...] = (),
    request_id: str = "",
    wait: float | None = None,
) -> Failure:
    """The Failure of a meaning."""
    if message[-1:].isalnum():
        message += "."  # HubSpot's own words often end without one
    remedy = meaning.remedy
    match meaning.outcome:
        case "login":
            return NeedsLogin(message, remedy=remedy, code=code, request_id=request_id)
        case "not_allowed":
            return NotAllowed(
                message, remedy=remedy, code=code, fields=fields, request_id=request_id
            )
        case "broken":
            return PluginBroken(
                message, remedy=remedy, code=code, fields=fields, request_id=request_id
            )
        case "later" | "pause":
            return RetryLater(
                message,
                after=meaning.after if wait is None else wait,
                pause=meaning.outcome == "pause",
                remedy=remedy,
                code=code,
                request_id=request_id,
            )
        case "gone":
            return RecordGone(message, remedy=remedy, code=code, request_id=request_id)
        case "rejected":
            return Rejected(message, remedy=remedy, code=code, fields=fields, request_id=request_id)
