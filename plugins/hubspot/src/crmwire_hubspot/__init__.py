"""HubSpot for crmwire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING

from crmwire import hookimpl
from crmwire_hubspot import (
    account,
    adopting,
    checking,
    drafting,
    errors,
    fields,
    finding,
    limits,
    login,
    login_errors,
    recovering,
    setting_up,
    writing,
)
from crmwire_hubspot.info import INFO

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from crmwire.connections import Connection
    from crmwire.errors import Failure
    from crmwire.http import Request
    from crmwire.mapping import Mapping as FieldMapping
    from crmwire.sandbox import SandboxSettings
    from crmwire.types import (
        AuthScheme,
        Candidates,
        ConnectionReport,
        CrmInfo,
        Draft,
        Event,
        FieldInfo,
        Finding,
        Key,
        LimitState,
        Query,
        Record,
        SetupStep,
        Subject,
        Write,
        Written,
    )

__all__ = [
    "auth_scheme",
    "check_connection",
    "check_mapping",
    "classify_error",
    "classify_login_error",
    "crm_info",
    "find_adoptable",
    "find_made",
    "find_records",
    "find_written",
    "list_fields",
    "map_event",
    "match_keys",
    "presets",
    "read_limits",
    "revocation",
    "sandbox",
    "set_up",
    "write_records",
]


@hookimpl
def crm_info() -> CrmInfo | None:
    return INFO


@hookimpl
def auth_scheme(conn: Connection) -> AuthScheme | None:
    return login.auth_scheme(conn)


@hookimpl
def classify_login_error(
    conn: Connection, status: int, headers: Mapping[str, str], body: str
) -> Failure | None:
    failure = login_errors.classify_login(status, headers, body)
    return failure and errors.named(failure, conn.name)


@hookimpl
def revocation(conn: Connection, token: str) -> Request | None:
    return login.revocation(conn, token)


@hookimpl
def check_connection(conn: Connection) -> ConnectionReport | None:
    return account.check_connection(conn)


@hookimpl
def list_fields(conn: Connection, object_type: str) -> Sequence[FieldInfo] | None:
    return fields.known_or_none(conn, object_type)


@hookimpl
def check_mapping(conn: Connection, mapping: FieldMapping) -> Sequence[Finding] | None:
    return checking.check_mapping(conn, mapping)


@hookimpl
def set_up(
    conn: Connection, mapping: FieldMapping | None, steps: Sequence[str]
) -> Sequence[SetupStep] | None:
    return setting_up.set_up(conn, mapping, steps)


@hookimpl
def presets(conn: Connection) -> Mapping[str, str] | None:
    folder = resources.files(__name__) / "presets"
    return {
        file.name.removesuffix(".toml"): file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    }


@hookimpl
def map_event(
    conn: Connection, event: Event, subject: Subject, mapping: FieldMapping
) -> Sequence[Draft] | None:
    return drafting.map_event(event, subject, mapping)


@hookimpl
def match_keys(conn: Connection, draft: Draft) -> Sequence[Key] | None:
    return drafting.match_keys(draft)


@hookimpl
def find_records(
    conn: Connection, queries: Sequence[Query]
) -> Sequence[Candidates | Failure] | None:
    return finding.find_records(conn, queries)


@hookimpl
def write_records(conn: Connection, writes: Sequence[Write]) -> Sequence[Written | Failure] | None:
    return writing.write_records(conn, writes)


@hookimpl
def find_written(
    conn: Connection, writes: Sequence[Write]
) -> Sequence[Sequence[Record] | Failure] | None:
    return recovering.find_written(conn, writes)


@hookimpl
def find_adoptable(
    conn: Connection, writes: Sequence[Write]
) -> Sequence[Sequence[Record] | Failure] | None:
    return adopting.find_adoptable(conn, writes)


@hookimpl
def find_made(
    conn: Connection, writes: Sequence[Write]
) -> Sequence[Sequence[Record] | Failure] | None:
    return recovering.find_made(conn, writes)


@hookimpl
def classify_error(
    conn: Connection, status: int, headers: Mapping[str, str], body: str
) -> Failure | None:
    failure = errors.classify(status, headers, body, account.zone_of(conn))
    return errors.named(failure, conn.name)


@hookimpl
def read_limits(
    conn: Connection, status: int, headers: Mapping[str, str]
) -> Sequence[LimitState] | None:
    return limits.read_limits(headers, account.zone_of(conn))


@hookimpl
def sandbox(settings: SandboxSettings) -> ASGIApp | None:
    from crmwire_hubspot.sandbox_app import HubSpotSandbox

    return HubSpotSandbox(settings)
