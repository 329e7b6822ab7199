"""Answers and refusals in the vendor's forms.

Bodies and messages: the API's specification (api.attio.com/openapi/api) and its documentation
(docs.attio.com, read 2026-11). Where no example of a message is known, a comment says "Guess".
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import field, frozen
from starlette.responses import JSONResponse

_EXPOSED = (
    "x-attio-client,x-attio-execution-id,x-attio-platform,x-attio-platform-version,"
    "x-attio-record-query-score,x-attio-app-installation-bundle-id,WWW-Authenticate"
)
INVALID = "invalid_request_error"


@frozen(kw_only=True)
class Answer:
    """What a handler gives: a body, and headers of its own."""

    body: Any
    headers: Mapping[str, str] = field(factory=dict)


class Refusal(Exception):
    """A refusing answer on its way out of a handler."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        type_: str = INVALID,
        details: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {
            "status_code": status,
            "type": type_,
            "code": code,
            "message": message,
        }
        if details:
            self.body["validation_errors"] = list(details)


def response(status: int, body: Any, headers: Mapping[str, str]) -> JSONResponse:
    """JSON with the headers that the vendor sets on every answer."""
    own = {
        "content-type": "application/json; charset=utf-8",
        "x-attio-execution-id": str(uuid.uuid4()),
        "x-frame-options": "DENY",
        "access-control-allow-origin": "*",
        "access-control-expose-headers": _EXPOSED,
        "vary": "Origin",
    }
    if status < 300:
        own["x-accurate-at"] = exact(datetime.now(UTC))
    return JSONResponse(body, status, headers={**own, **headers})


def stamp(time: datetime) -> str:
    """A time of creation: milliseconds, written with nine decimals."""
    utc = time.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}000000Z"


def exact(time: datetime) -> str:
    """Any other time: microseconds, written with nine decimals."""
    utc = time.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond:06d}000Z"


# ---------------------------------------------------------------- refusals


def unauthorized() -> Refusal:
    # The one message that is known; it is sent for tokens of another length than 64.
    return Refusal(
        401,
        "unauthorized",
        "The API Key provided was invalid because it was the wrong length (API Keys should be 64 "
        "characters long). You might not have copied the entire API key from your Admin panel?",
        type_="auth_error",
    )


def lacks_scope(scopes: Sequence[str]) -> Refusal:
    # Guess: no body of a missing scope was ever published; the code is that of permissions.
    return Refusal(
        403,
        "unauthorized",
        f"The access token does not have the required scopes: {', '.join(scopes)}.",
        type_="auth_error",
    )


def too_many(retry_after: str) -> Refusal:
    return Refusal(
        429,
        "rate_limit_exceeded",
        "Rate limit exceeded, please try again later",
        type_="rate_limit_error",
        headers={"Retry-After": retry_after},
    )


def no_endpoint(method: str, path: str) -> Refusal:
    return Refusal(404, "not_found", f'Could not find endpoint "{method} {path}".')


def no_object(slug: str) -> Refusal:
    return Refusal(404, "not_found", f'Object with slug/ID "{slug}" not found.')


def no_list(slug: str) -> Refusal:
    return Refusal(404, "not_found", f'List with slug/ID "{slug}" not found.')


def no_entry(id_: str) -> Refusal:
    return Refusal(404, "not_found", f'Could not find List Entry with ID "{id_}".')


def slug_taken(slug: str) -> Refusal:
    # Guess: the message.
    return Refusal(409, "slug_conflict", f'The API slug "{slug}" is already in use.')


def no_attribute(slug: str) -> Refusal:
    return Refusal(404, "not_found", f'Attribute with slug/ID "{slug}" not found.')


def no_record(id_: str) -> Refusal:
    return Refusal(404, "not_found", f'Record with ID "{id_}" not found.')


def conflict(slug: str) -> Refusal:
    return Refusal(
        400,
        "uniqueness_conflict",
        f'A value provided for attribute with slug "{slug}" conflicts with one already in the '
        "system. This attribute has a uniqueness constraint. Please ensure all values for this "
        "attribute do not exist on another record.",
    )


def bad_body(*details: Mapping[str, Any]) -> Refusal:
    return Refusal(400, "validation_type", "Body payload validation error.", details=details)


def bad_value(slug: str, *details: Mapping[str, Any]) -> Refusal:
    return Refusal(
        400,
        "validation_type",
        f'An invalid value was passed to attribute with slug "{slug}".',
        details=details,
    )


def bad_filter() -> Refusal:
    return Refusal(400, "filter_error", "Error in filter.")


def not_found_value(message: str) -> Refusal:
    return Refusal(400, "value_not_found", message)


def kind_of(value: object) -> str:
    """What JavaScript calls a value's type, with `undefined` for one that is not there."""
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case None:
            return "null"
    return "object"


def missing(path: Sequence[str], expected: str) -> dict[str, Any]:
    return {
        "code": "invalid_type",
        "path": list(path),
        "message": "Required",
        "expected": expected,
        "received": "undefined",
    }


def wrong(path: Sequence[str], expected: str, value: object) -> dict[str, Any]:
    received = kind_of(value)
    return {
        "code": "invalid_type",
        "path": list(path),
        "message": f"Expected {expected}, received {received}",
        "expected": expected,
        "received": received,
    }


def no_option(path: Sequence[str], options: Sequence[str], value: object) -> dict[str, Any]:
    """A word that is none of those that a member takes (recorded 2025-07)."""
    expected = " | ".join(f"'{one}'" for one in options)
    return {
        "code": "invalid_option",
        "path": list(path),
        "message": f"Invalid enum value. Expected {expected}, received '{value}'",
        "options": list(options),
    }


def checked(body: object, wanted: Mapping[str, str], *, required: bool) -> dict[str, Any]:
    """The body's `data`, if its members have the wanted types (as JavaScript names them).

    A type `string?` takes null too. Raises: Refusal with every problem.
    """
    if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
        raise bad_body(missing(["data"], "object"))
    data: dict[str, Any] = body["data"]
    problems = []
    for name, type_ in wanted.items():
        expected = type_.rstrip("?")
        if name not in data:
            if required:
                problems.append(missing(["data", name], expected))
        elif kind_of(data[name]) != expected and not (data[name] is None and type_ != expected):
            problems.append(wrong(["data", name], expected, data[name]))
    if problems:
        raise bad_body(*problems)
    return data
