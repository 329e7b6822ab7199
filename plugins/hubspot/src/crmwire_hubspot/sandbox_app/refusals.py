"""Error bodies as HubSpot sends them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen


@frozen(kw_only=True)
class Problem:
    """One thing that is wrong with one property."""

    name: str
    code: str
    message: str


class Refusal(Exception):
    """A request, or one input of a batch, that HubSpot refuses."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        category: str | None = "VALIDATION_ERROR",
        sub_category: str | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
        context: Mapping[str, Sequence[str]] | None = None,
        more: Mapping[str, Any] | None = None,
        problems: Sequence[Problem] = (),
        existing: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.category = category
        self.sub_category = sub_category
        self.errors = list(errors)
        self.context = dict(context or {})
        self.more = dict(more or {})
        self.problems = tuple(problems)
        self.existing = existing

    def body(self, correlation_id: str) -> dict[str, Any]:
        """The body of an answer."""
        return {
            "status": "error",
            "message": self.message,
            "correlationId": correlation_id,
            **self._rest(self.context),
            **self.more,
        }

    def item(self, *trace_ids: str) -> dict[str, Any]:
        """The same as an element of a batch answer's `errors`."""
        context: dict[str, Sequence[str]] = {}
        if trace_ids:
            context["objectWriteTraceId"] = list(trace_ids)
        if self.existing:
            context["existingId"] = [self.existing]
        return {
            "status": "error",
            "message": self.message,
            **self._rest({**self.context, **context}),
        }

    def _rest(self, context: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        rest: dict[str, Any] = {}
        if self.errors:
            rest["errors"] = self.errors
        if context:
            rest["context"] = {name: list(values) for name, values in context.items()}
        if self.sub_category:
            rest["subCategory"] = self.sub_category
        if self.category:
            rest["category"] = self.category
        return rest


def invalid(problems: Iterable[Problem]) -> Refusal:
    """Property values that are not valid; `errors` is cut to three, the text holds them all."""
    listed = list(problems)
    texts = [
        {"isValid": False, "message": one.message, "error": one.code, "name": one.name}
        for one in listed
    ]
    return Refusal(
        400,
        "Property values were not valid: " + json.dumps(texts, separators=(",", ":")),
        errors=[
            {
                "message": one.message,
                "code": one.code,
                "context": {"propertyName": [one.name]},
            }
            for one in listed[:3]
        ],
        problems=listed,
    )


def not_found() -> Refusal:
    """A record that is not there. With `Accept: */*` it comes as a page instead."""
    # Guess: the JSON form; only the page is recorded.
    return Refusal(404, "resource not found", category="OBJECT_NOT_FOUND")


def conflict(existing: str | None) -> Refusal:
    """A contact with an address that another has."""
    more = f". Existing ID: {existing}" if existing else ""
    return Refusal(409, f"Contact already exists{more}", category="CONFLICT", existing=existing)


def malformed(what: str) -> Refusal:
    """A body that is not what the route takes."""
    return Refusal(400, f"Invalid input JSON on line 1, column 1: {what}", category=None)


def missing_scope(name: str) -> Refusal:
    """The lists name scopes of all object types, any of which opens the route in general."""
    of_all = [
        f"crm.objects.{kind}.{access}"
        for kind in ("contacts", "companies", "deals", "quotes", "leads", "custom")
        for access in ("read", "write")
    ]
    return Refusal(
        403,
        "This app hasn't been granted all required scopes to make this call. "
        "Read more about required scopes here: https://developers.hubspot.com/scopes.",
        category="MISSING_SCOPES",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {
                    "requiredScopes": ["tickets", "e-commerce", "crm.objects.custom.read"],
                    "requiredGranularScopes": sorted({*of_all, name}),
                },
            }
        ],
        more={"links": {"scopes": "https://developers.hubspot.com/scopes"}},
    )
