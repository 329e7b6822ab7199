"""The endpoints for objects, attributes and their choices, with the scopes that each needs.

docs.attio.com/rest-api/endpoint-reference, objects and attributes (read 2026-11).
"""

from __future__ import annotations

from crmwire_attio.sandbox_app.attributes import (
    create_attribute,
    get_attribute,
    list_attributes,
    update_attribute,
)
from crmwire_attio.sandbox_app.call import Endpoint, Handler
from crmwire_attio.sandbox_app.choices import choices, new_choice
from crmwire_attio.sandbox_app.objects import (
    create_object,
    delete_object,
    get_object,
    list_objects,
    update_object,
)


def _endpoint(method: str, path: str, handler: Handler) -> Endpoint:
    is_read = method == "GET"
    of = "list" if path.startswith("/v2/lists") else "object"
    scope = f"{of}_configuration:{'read' if is_read else 'read-write'}"
    more = ("record_permission:read-write",) if method == "DELETE" else ()
    return Endpoint(
        method=method,
        path=path,
        handler=handler,
        scopes=(scope, *more),
        limits=("read",) if is_read else ("write",),
    )


def _of_target(above: str) -> tuple[Endpoint, ...]:
    attribute = f"{above}/attributes/{{attribute}}"
    return (
        _endpoint("GET", f"{above}/attributes", list_attributes),
        _endpoint("POST", f"{above}/attributes", create_attribute),
        _endpoint("GET", attribute, get_attribute),
        _endpoint("PATCH", attribute, update_attribute),
        _endpoint("GET", f"{attribute}/options", choices("select")),
        _endpoint("POST", f"{attribute}/options", new_choice("select")),
        _endpoint("GET", f"{attribute}/statuses", choices("status")),
        _endpoint("POST", f"{attribute}/statuses", new_choice("status")),
    )


ENDPOINTS = (
    _endpoint("GET", "/v2/objects", list_objects),
    _endpoint("POST", "/v2/objects", create_object),
    _endpoint("GET", "/v2/objects/{object}", get_object),
    _endpoint("PATCH", "/v2/objects/{object}", update_object),
    _endpoint("DELETE", "/v2/objects/{object}", delete_object),
    *_of_target("/v2/objects/{object}"),
    *_of_target("/v2/lists/{list}"),
)
