"""The routes of the API in both path styles, with what each needs and how it counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from attrs import frozen
from starlette.responses import Response

from crmwire_hubspot.sandbox_app import (
    account_routes,
    association_routes,
    batches,
    object_routes,
    property_routes,
    searches,
)
from crmwire_hubspot.sandbox_app.calls import Call
from crmwire_hubspot.sandbox_app.windows import Count

Access = Literal["read", "write", "owners", "none"]
Handler = Callable[[Call], Response]


@frozen(kw_only=True)
class Rule:
    """One route of a family: below its roots, with what it needs and how it counts."""

    methods: str
    path: str
    handler: Handler
    access: Access = "read"
    count: Count = "calls"


_OBJECTS = (
    Rule(methods="POST", path="/{type}/batch/create", handler=batches.create, access="write"),
    Rule(methods="POST", path="/{type}/batch/update", handler=batches.update, access="write"),
    Rule(methods="POST", path="/{type}/batch/upsert", handler=batches.upsert, access="write"),
    Rule(methods="POST", path="/{type}/batch/archive", handler=batches.archive_all, access="write"),
    Rule(methods="POST", path="/{type}/batch/read", handler=batches.read),
    Rule(methods="POST", path="/{type}/search", handler=searches.search, count="search"),
    Rule(methods="POST", path="/{type}/merge", handler=object_routes.merge_two, access="write"),
    Rule(methods="POST", path="/{type}/gdpr-delete", handler=object_routes.forget, access="write"),
    Rule(methods="GET", path="/{type}", handler=object_routes.list_),
    Rule(methods="POST", path="/{type}", handler=object_routes.create, access="write"),
    Rule(methods="GET", path="/{type}/{id}", handler=object_routes.read),
    Rule(methods="PATCH", path="/{type}/{id}", handler=object_routes.update, access="write"),
    Rule(methods="DELETE", path="/{type}/{id}", handler=object_routes.delete, access="write"),
)
_SINGLE = (
    *(
        Rule(methods=method, path=path, handler=handler, access="write")
        for method, path, handler in (
            (
                "PUT",
                "/{type}/{id}/associations/default/{to}/{to_id}",
                association_routes.put_default,
            ),
            ("PUT", "/{type}/{id}/associations/{to}/{to_id}", association_routes.put_labelled),
            ("DELETE", "/{type}/{id}/associations/{to}/{to_id}", association_routes.delete),
        )
    ),
    Rule(methods="GET", path="/{type}/{id}/associations/{to}", handler=association_routes.list_),
)
_BETWEEN = (
    *(
        Rule(methods="POST", path=path, handler=handler, access="write", count="exempt")
        for path, handler in (
            ("/{type}/{to}/batch/create", association_routes.batch_create),
            ("/{type}/{to}/batch/associate/default", association_routes.batch_default),
            ("/{type}/{to}/batch/archive", association_routes.batch_archive),
        )
    ),
    Rule(
        methods="POST",
        path="/{type}/{to}/batch/read",
        handler=association_routes.batch_read,
        count="exempt",
    ),
    Rule(methods="GET", path="/{type}/{to}/labels", handler=association_routes.labels),
)
_PROPERTIES = (
    Rule(methods="GET", path="/{type}", handler=property_routes.list_, access="none"),
    Rule(methods="POST", path="/{type}", handler=property_routes.create, access="none"),
    Rule(
        methods="POST",
        path="/{type}/batch/create",
        handler=property_routes.batch_create,
        access="none",
    ),
    Rule(methods="GET", path="/{type}/groups", handler=property_routes.groups, access="none"),
    Rule(
        methods="POST", path="/{type}/groups", handler=property_routes.create_group, access="none"
    ),
    *(
        Rule(methods=method, path=path, handler=handler, access="none")
        for method, path, handler in (
            ("POST", "/{type}/batch/read", property_routes.batch_read),
            ("POST", "/{type}/batch/archive", property_routes.batch_archive),
            ("PATCH", "/{type}/groups/{name}", property_routes.change_group),
            ("DELETE", "/{type}/groups/{name}", property_routes.delete_group),
            ("GET", "/{type}/{name}", property_routes.one),
            ("PATCH", "/{type}/{name}", property_routes.change),
            ("DELETE", "/{type}/{name}", property_routes.delete),
        )
    ),
)
_VALIDATIONS = (
    Rule(methods="GET", path="/{type}", handler=property_routes.validations, access="none"),
)
_OWNERS = (
    Rule(methods="GET", path="", handler=account_routes.owners, access="owners"),
    Rule(methods="GET", path="/", handler=account_routes.owners, access="owners"),
    Rule(methods="GET", path="/{id}", handler=account_routes.one_owner, access="owners"),
)
_ACCOUNT = (
    Rule(methods="GET", path="/details", handler=account_routes.details, access="none"),
    Rule(
        methods="GET",
        path="/api-usage/daily/private-apps",
        handler=account_routes.usage,
        access="none",
    ),
)
_SCHEMAS = (Rule(methods="GET", path="/{type}", handler=property_routes.schema, access="none"),)
FAMILIES: tuple[tuple[tuple[Rule, ...], str, str], ...] = (
    (_SINGLE, "/crm/v4/objects", "/crm/objects/{version}"),
    (_OBJECTS, "/crm/v3/objects", "/crm/objects/{version}"),
    (_BETWEEN, "/crm/v4/associations", "/crm/associations/{version}"),
    (_PROPERTIES, "/crm/v3/properties", "/crm/properties/{version}"),
    (_VALIDATIONS, "/crm/v3/property-validations", "/crm/property-validations/{version}"),
    (_SCHEMAS, "/crm/v3/schemas", "/crm-object-schemas/{version}/schemas"),
    (_OWNERS, "/crm/v3/owners", "/crm/owners/{version}"),
    (_ACCOUNT, "/account-info/v3", "/account-info/{version}"),
)
"""Each family: its routes, its legacy root and its dated one."""
