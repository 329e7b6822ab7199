"""CRMs: what a plugin can do, who a connection is, what an account has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs
from attrs import frozen

from crmwire.types.limits import Limit


@frozen(kw_only=True)
class ObjectType:
    """One kind of record. `unique` fields can be looked up; `upsert` fields need no look-up."""

    name: str
    title: str
    unique: tuple[str, ...] = ()
    upsert: tuple[str, ...] = ()
    html_fields: tuple[str, ...] = ()
    list_fields: tuple[str, ...] = ()


@frozen(kw_only=True)
class CrmInfo:
    """What a CRM plugin is and can do.

    `settle_after` is in seconds: how long after a write was sent an answer that never came may
    still be followed by a commit; None means twice the read timeout. `mapping_class` is an attrs
    class for the mapping's `[crm]` table. `batch` is how many deliveries a drain takes at once.
    """

    key: str
    title: str
    base_url: str
    api_version: str
    host_suffixes: tuple[str, ...]
    object_types: Mapping[str, ObjectType]
    limits: tuple[Limit, ...] = ()
    capabilities: frozenset[str] = frozenset()
    settle_after: float | None = None
    mapping_class: type[attrs.AttrsInstance] | None = None
    request_id_header: str = "x-request-id"
    batch: int = 100


@frozen(kw_only=True)
class Finding:
    """One thing that `check` found; `level` decides the exit status."""

    level: Literal["ok", "warning", "error"]
    subject: str
    message: str
    remedy: str = ""


@frozen(kw_only=True)
class SetupStep:
    """One thing that may be set up in the CRM account for a mapping. Steps change the account."""

    id: str
    title: str
    detail: str
    state: Literal["done", "todo", "impossible"]
    remedy: str = ""


@frozen(kw_only=True)
class ConnectionReport:
    """Who the connection is at the CRM and what it may do. `account_id` names the lane.

    `zone` is the account's own time zone (an IANA name), where that matters: its day ends there.
    """

    account_id: str
    account_name: str
    user_id: str = ""
    user_name: str = ""
    scopes: tuple[str, ...] = ()
    tier: str = ""
    limits: tuple[Limit, ...] = ()
    findings: tuple[Finding, ...] = ()
    zone: str = ""


@frozen(kw_only=True)
class FieldInfo:
    """One field of an object type. `length` is in characters, `options` are the stored values."""

    name: str
    label: str
    group: str = ""
    type: str = "text"
    length: int | None = None
    required: bool = False
    writable: bool = True
    unique: bool = False
    options: tuple[str, ...] = ()
