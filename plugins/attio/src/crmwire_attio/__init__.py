"""Attio for crmwire. Facts about the API: docs.attio.com, read 2026-11."""

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
        Draft,
        Event,
        FieldChange,
        FieldInfo,
        Finding,
        Match,
        Query,
        Record,
        SetupStep,
        Subject,
        Write,
        Written,
    )


@hookimpl
def crm_info() -> CrmInfo | None:
    from crmwire_attio.info import INFO

    return INFO


@hookimpl
def auth_scheme(conn: Connection) -> AuthScheme | None:
    from crmwire_attio import logins

    return logins.scheme(conn)


@hookimpl
def classify_login_error(
    conn: Connection, status: int, headers: Mapping[str, str], body: str
) -> Failure | None:
    from crmwire_attio import logins

    return logins.failure(status, body, conn.name)


@hookimpl
def revocation(conn: Connection, token: str) -> Request | None:
    from crmwire_attio import logins

    return logins.revocation(conn, token)


@hookimpl
def check_connection(conn: Connection) -> ConnectionReport | None:
    from crmwire_attio import checking

    return checking.check_connection(conn)


@hookimpl
def list_fields(conn: Connection, object_type: str) -> Sequence[FieldInfo] | None:
    from crmwire_attio import checking

    return checking.list_fields(conn, object_type)


@hookimpl
def check_mapping(conn: Connection, mapping: FieldMapping) -> Sequence[Finding] | None:
    from crmwire_attio import findings

    return findings.check_mapping(conn, mapping)


@hookimpl
def set_up(
    conn: Connection, mapping: FieldMapping | None, steps: Sequence[str]
) -> Sequence[SetupStep] | None:
    from crmwire_attio import setting_up

    return setting_up.set_up(conn, mapping, steps)


@hookimpl
def map_event(
    conn: Connection, event: Event, subject: Subject, mapping: FieldMapping
) -> Sequence[Draft] | None:
    from crmwire_attio import keys

    return keys.drafts(conn, event, subject, mapping)


@hookimpl
def merge_fields(conn: Connection, draft: Draft, match: Match) -> Sequence[FieldChange] | None:
    from crmwire_attio import merging

    return merging.changes(draft, match)


@hookimpl
def presets(conn: Connection) -> Mapping[str, str] | None:
    folder = files("crmwire_attio") / "presets"
    return {
        file.name.removesuffix(".toml"): file.read_text("utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    }


@hookimpl
def find_records(
    conn: Connection, queries: Sequence[Query]
) -> Sequence[Candidates | Failure] | None:
    from crmwire_attio import lookup

    return lookup.find_records(conn, queries)


@hookimpl
def write_records(conn: Connection, writes: Sequence[Write]) -> Sequence[Written | Failure] | None:
    from crmwire_attio import writing

    return writing.write_records(conn, writes)


@hookimpl
def find_written(
    conn: Connection, writes: Sequence[Write]
) -> Sequence[Sequence[Record] | Failure] | None:
    from crmwire_attio import doubt

    return doubt.find_written(conn, writes)


@hookimpl
def classify_error(
    conn: Connection, status: int, headers: Mapping[str, str], body: str
) -> Failure | None:
    from crmwire_attio import errors

    return errors.failure(status, body, conn.name)


@hookimpl
def sandbox(settings: SandboxSettings) -> ASGIApp | None:
    # The package is not named `sandbox`: importing it would put it in this function's place.
    from crmwire_attio.sandbox_app import AttioSandbox

    return AttioSandbox(settings)
