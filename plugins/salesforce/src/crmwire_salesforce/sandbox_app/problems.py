"""What the API answers when it refuses, in the body shapes that each resource uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Refused(Exception):
    """One request, or one row of several, is refused with this code."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        fields: Sequence[str] | None = None,
        status: int = 400,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = fields
        self.status = status
        self.more = dict(more or {})

    def body(self) -> list[dict[str, Any]]:
        """The body of a single answer: a list with `errorCode`."""
        error: dict[str, Any] = {**self.more, "message": self.message, "errorCode": self.code}
        if self.fields is not None:
            error["fields"] = list(self.fields)
        return [error]

    def row(self) -> dict[str, Any]:
        """The same inside a collection's answer: `statusCode` instead, and no details."""
        error = {"statusCode": self.code, "message": self.message, "fields": self.fields or []}
        created = {"created": self.more["created"]} if "created" in self.more else {}
        return {"success": False, "errors": [error], **created}


def not_found(message: str = "The requested resource does not exist") -> Refused:
    return Refused("NOT_FOUND", message, status=404)


def deleted() -> Refused:
    return Refused("ENTITY_IS_DELETED", "entity is deleted", fields=[], status=404)


def not_parsed(message: str) -> Refused:
    return Refused("JSON_PARSER_ERROR", message)
