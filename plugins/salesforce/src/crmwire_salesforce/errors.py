"""From what Salesforce answers to a Failure: decided by code, never by message text."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from crmwire.errors import Failure, NeedsLogin, NeedsReview, NotAllowed, Rejected, RetryLater
from crmwire.types import Record
from crmwire_salesforce.error_table import ALERTS, BLOCKS, TABLE, Rule
from crmwire_salesforce.login_errors import run
from crmwire_salesforce.quota import usage
from crmwire_salesforce.values import incoming, long_id

HALTED = "PROCESSING_HALTED"
_SPENT_FOR = 900.0
"""Seconds to wait when the day's calls are used up: the window slides over 24 hours."""
_CROWDED_FOR = 10.0
"""Seconds to wait when too many calls ran at once."""
_URL = re.compile(r"/sobjects/(\w+)/(\w{15,18})$")
_PLACE = "ERROR at Row:"
_IDS = re.compile(r"\b(001|003|00Q)[0-9A-Za-z]{12}(?:[0-9A-Za-z]{3})?\b")
TYPES: Mapping[str, str] = {"003": "Contact", "00Q": "Lead", "001": "Account"}
"""Object types of people and companies, by the beginning of their ids."""
_OF_TRIGGERS = frozenset({"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "CANNOT_EXECUTE_FLOW_TRIGGER"})
_PASSING = ("UNABLE_TO_LOCK_ROW", "QUERY_TIMEOUT", "SERVER_UNAVAILABLE")


def classify(status: int, headers: Mapping[str, str], body: str, name: str = "") -> Failure | None:
    """The Failure of a whole answer; None if its body tells nothing, as the pages of the edge.

    `name` is the connection's, so that a lost login can say what to run.
    """
    failure = _classified(status, headers, body)
    if name and isinstance(failure, NeedsLogin):
        failure.remedy = f"{failure.remedy} {run(name)}"
    return failure


def _classified(status: int, headers: Mapping[str, str], body: str) -> Failure | None:
    try:
        content: Any = json.loads(body)
    except (ValueError, RecursionError):
        # Identity URLs answer with a bare word.
        code = body.strip()
        said = "Salesforce does not know the token, or it has ended."
        return _built(status, code, said, {}) if code in TABLE else None
    failure = failure_of(status, content)
    if failure is not None and failure.code == "REQUEST_LIMIT_EXCEEDED":
        assert isinstance(failure, RetryLater)
        # One code for two limits: the day's, and how many calls may run at once.
        known = usage(headers)
        failure.after = _CROWDED_FOR if known and known[0] < known[1] else _SPENT_FOR
    return failure


def failure_of(status: int, body: Any, *, request_id: str = "") -> Failure | None:
    """The Failure of one answer or of one part of it; None if the body has no error.

    `body` is a list of errors (`errorCode`), one of the rows of a collection (`statusCode`), or,
    with status 300, a list of URLs.
    """
    if status == 300 and isinstance(body, list):
        failure = _built(status, "DUPLICATE_EXTERNAL_ID", "Several records have this key.", {})
        assert isinstance(failure, NeedsReview)
        failure.candidates = tuple(_records_by_url(body))
        return failure.marked(request_id=request_id)
    errors = list(_errors(body))
    if not errors:
        return None
    error = next((e for e in errors if _code(e) != HALTED), errors[0])
    message = str(error.get("message") or error.get("error_description") or "")
    return _built(status, _code(error), _shown(message), error).marked(request_id=request_id)


def codes(body: Any) -> list[str]:
    """The error codes that a body names."""
    return [_code(error) for error in _errors(body)]


def copied(failure: Failure) -> Failure:
    """The same failure for another write."""
    return copy.copy(failure)


def unreadable(what: str, request_id: str = "") -> RetryLater:
    """An answer that is not what it should be, so that its outcome is unknown."""
    return RetryLater(
        f"Salesforce's answer to {what} cannot be read.", request_id=request_id, sent="unknown"
    )


# ---------------------------------------------------------------- inside


def _errors(body: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(body, dict):
        body = body["errors"] if isinstance(body.get("errors"), list) else [body]
    for error in body if isinstance(body, list) else ():
        if isinstance(error, dict) and _code(error):
            yield error


def _code(error: Mapping[str, Any]) -> str:
    return str(error.get("errorCode") or error.get("statusCode") or error.get("error") or "")


def _shown(message: str) -> str:
    """The message without the piece of a query before it, which may name people."""
    if _PLACE in message:
        message = message.rpartition(_PLACE)[2].partition("\n")[2]
    return message.strip()


def _built(status: int, code: str, message: str, error: Mapping[str, Any]) -> Failure:
    rule = TABLE.get(_cause(code, message)) or TABLE.get(code) or _by_status(status)
    named = error.get("fields")
    fields = tuple(str(name) for name in named) if isinstance(named, list) else ()
    message = message or f"Salesforce answered {code}."
    kind = rule.failure
    if kind is RetryLater:
        return RetryLater(
            message,
            remedy=rule.remedy,
            code=code,
            fields=fields,
            pause=rule.pause,
            after=rule.after,
        )
    if kind is NeedsReview:
        candidates = tuple(_matches(error)) or tuple(_named(message))
        remedy = _of_rule(error) or rule.remedy
        if not candidates and code in ("DUPLICATES_DETECTED", "DUPLICATE_VALUE"):
            # Matches that the user may not see, and those of a collection, are not named.
            return Rejected(message, remedy=remedy, code=code, fields=fields)
        return NeedsReview(message, remedy=remedy, code=code, fields=fields, candidates=candidates)
    return kind(message, remedy=rule.remedy, code=code, fields=fields)


def _cause(code: str, message: str) -> str:
    """The code inside a trigger's text, where it says that another try may succeed.

    Codes are not translated, so that this does not depend on the user's language.
    """
    if code in _OF_TRIGGERS:
        return next((inner for inner in _PASSING if inner in message), code)
    return code


def _by_status(status: int) -> Rule:
    """What an unknown code means."""
    if status in (502, 503, 504, 429):
        return Rule(RetryLater, pause=True)
    if status >= 500 or status == 408:
        return Rule(RetryLater)
    if status == 401:
        return Rule(NeedsLogin, TABLE["INVALID_SESSION_ID"].remedy)
    if status == 410:
        return TABLE["UNSUPPORTED_API_VERSION"]
    if status == 403:
        return Rule(NotAllowed, "See what the user may do in Setup, Users, Profiles.")
    return Rule(Rejected, "See the code in Salesforce's documentation of its status codes.")


def _result(error: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a duplicate rule found. v50 to v59 misspell the member's name."""
    result = error.get("duplicateResult") or error.get("duplicateResut")
    return result if isinstance(result, dict) else {}


def _of_rule(error: Mapping[str, Any]) -> str:
    """The remedy by what the rule does: whether it may be passed is told with its result."""
    allowed = _result(error).get("allowSave")
    return "" if allowed is None else ALERTS if allowed else BLOCKS


def _named(message: str) -> Iterator[Record]:
    """The records whose ids stand in a message; ids are not translated."""
    for found in _IDS.finditer(message):
        yield Record(type=TYPES[found[1]], id=long_id(found[0]))


def _matches(error: Mapping[str, Any]) -> Iterator[Record]:
    """The records that a duplicate rule found."""
    for one in _result(error).get("matchResults") or ():
        for match in one.get("matchRecords") or ():
            record = match.get("record") or {}
            type_ = (record.get("attributes") or {}).get("type") or one.get("entityType")
            if record.get("Id") and type_:
                known = {
                    name: incoming(value)
                    for name, value in record.items()
                    if name not in ("attributes", "Id") and not isinstance(value, dict)
                }
                yield Record(type=str(type_), id=str(record["Id"]), fields=known)


def _records_by_url(urls: list[Any]) -> Iterator[Record]:
    for url in urls:
        found = _URL.search(str(url))
        if found:
            yield Record(type=found[1], id=found[2])
