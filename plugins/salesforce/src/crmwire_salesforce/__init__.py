"""Salesforce for crmwire. Facts about the API: REST API Developer Guide, read 2026-11."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from crmwire import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        FieldInfo,
        Finding,
        LimitState,
        Query,
        Record,
        SetupStep,
        Write,
        Written,
    )


@hookimpl
def crm_info() -> CrmInfo | None:
    from crmwire_salesforce.info import INFO

    return INFO


@hookimpl
def auth_scheme(conn: Connection) -> AuthScheme | None:
    from crmwire_salesforce import logins

    return logins.auth_scheme(conn)


@hookimpl
def classify_login_error(
    conn: Connection, status: int, headers: Mapping[str, str], body: str
) -> Failure | None:
    from crmwire_salesforce import login_errors

    return login_errors.classify_login(conn.name, body)


@hookimpl
def revocation(conn: Connection, token: str) -> Request | None:
    from crmwire_salesforce import logins

    return logins.revocation(conn, token)


@hookimpl
def check_connection(conn: Connection) -> ConnectionReport | None:
    from crmwire_salesforce import checking

    return checking.check_connection(conn)


@hookimpl
def list_fields(conn: Connection, object_type: str) -> Sequence[FieldInfo] | None:
    from crmwire_salesforce import describing

    return describing.list_fields(conn, object_type)


@hookimpl
def check_mapping(conn: Connection, mapping: FieldMapping) -> Sequence[Finding] | None:
    from crmwire_salesforce import mapping_checks

    return mapping_checks.check_mapping(conn, mapping)


@hookimpl
def presets(conn: Connection) -> Mapping[str, str] | None:
    folder = files("crmwire_salesforce") / "presets"
    return {
        file.name.removesuffix(".toml"): file.read_text("utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    }


@hookimpl
def set_up(
    conn: Connection, mapping: FieldMapping | None, steps: Sequence[str]
) -> Sequence[SetupStep] | None:
    from crmwire_salesforce import setting_up

    return setting_up.set_up(conn, mapping, steps)


@hookimpl
def find_records(
    conn: Connection, queries: Sequence[Query]
) -> Sequence[Candidates | Failure] | None:
    from crmwire_salesforce import lookup

    return lookup.find_records(conn, queries)


@hookimpl
def write_records(conn: Connection, writes: Sequence[Write]) -> Sequence[Written | Failure] | None:
    from crmwire_salesforce import writing

    return writing.write_records(conn, writes)


@hookimpl
def find_written(
    conn: Connection, writes: Sequence[Write]
) -> Sequence[Sequence[Record] | Failure] | None:
    from crmwire_salesforce import doubt

    return doubt.find_written(conn, writes)


@hookimpl
def find_adoptable(
    conn: Connection, writes: Sequence[Write]
) -> Sequence[Sequence[Record] | Failure] | None:
    from crmwire_salesforce import adopting

    return adopting.find_adoptable(conn, writes)


@hookimpl
def find_made(
    conn: Connection, writes: Sequence[Write]
) -> Sequence[Sequence[Record] | Failure] | None:
    from crmwire_salesforce import doubt

    return doubt.find_made(conn, writes)


@hookimpl
def classify_error(
    conn: Connection, status: int, headers: Mapping[str, str], body: str
) -> Failure | None:
    from crmwire_salesforce import errors

    return errors.classify(status, headers, body, conn.name)


@hookimpl
def read_limits(
    conn: Connection, status: int, headers: Mapping[str, str]
) -> Sequence[LimitState] | None:
    from crmwire_salesforce import quota

    return quota.read_limits(headers)


@hookimpl
def sandbox(settings: SandboxSettings) -> ASGIApp | None:
    # The package is not named `sandbox`: importing it would put it in this function's place.
    from crmwire_salesforce.sandbox_app import SalesforceSandbox

    return SalesforceSandbox(settings)
