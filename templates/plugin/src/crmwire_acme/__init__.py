"""Acme for crmwire.

Facts about the API: docs.acme.example.com, read 2026-11. Here are the hooks, each
delegating to the module of its concern.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

from crmwire import Failure, hookimpl
from crmwire.types import (
    AuthScheme,
    Candidates,
    ConnectionReport,
    CrmInfo,
    FieldInfo,
    Query,
    Record,
    Write,
    Written,
)

from crmwire_acme import checking, errors, finding, info, writing

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.sandbox import SandboxSettings
    from starlette.types import ASGIApp


@hookimpl
def crm_info() -> CrmInfo | None:
    return info.INFO


@hookimpl
def auth_scheme(conn: Connection) -> AuthScheme | None:
    return info.scheme(conn.settings.login_host)


@hookimpl
def check_connection(conn: Connection) -> ConnectionReport | None:
    return checking.who_we_are(conn)


@hookimpl
def list_fields(conn: Connection, object_type: str) -> Sequence[FieldInfo] | None:
    return checking.fields_of(conn, object_type)


@hookimpl
def presets(conn: Connection) -> Mapping[str, str] | None:
    toml = [one for one in (files(__name__) / "presets").iterdir() if one.name.endswith(".toml")]
    return {one.name.removesuffix(".toml"): one.read_text("utf-8") for one in toml}


@hookimpl
def find_records(
    conn: Connection, queries: Sequence[Query]
) -> Sequence[Candidates | Failure] | None:
    return finding.candidates(conn, queries)


@hookimpl
def write_records(conn: Connection, writes: Sequence[Write]) -> Sequence[Written | Failure] | None:
    return writing.write(conn, writes)


@hookimpl
def find_written(
    conn: Connection, writes: Sequence[Write]
) -> Sequence[Sequence[Record] | Failure] | None:
    return finding.written(conn, writes)


@hookimpl
def classify_error(
    conn: Connection, status: int, headers: Mapping[str, str], body: str
) -> Failure | None:
    return errors.of_answer(body, conn.name)


@hookimpl
def sandbox(settings: SandboxSettings) -> ASGIApp | None:
    from crmwire_acme.sandbox_app import AcmeSandbox

    return AcmeSandbox(settings)
