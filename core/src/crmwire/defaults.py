"""Core's own answers: the plugin that is always there and is asked last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from crmwire import dedup
from crmwire.hookspecs import hookimpl
from crmwire.http import Request
from crmwire.logins import refusals
from crmwire.types import Finding, Match

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.errors import Failure
    from crmwire.mapping import Mapping as FieldMapping
    from crmwire.types import Candidates, Draft, Event, FieldChange, Key, Subject


@hookimpl
def classify_login_error(
    conn: Connection, status: int, headers: Mapping[str, str], body: str
) -> Failure | None:
    return refusals.classified(conn.crm, conn.name, status, body)


@hookimpl
def revocation(conn: Connection, token: str) -> Request | None:
    """RFC 7009: the token and who asks, as a form."""
    oauth = conn.scheme.oauth
    if oauth is None or oauth.revoke_url is None:
        return None
    form = {"token": token, "client_id": "{client_id}", "client_secret": "{client_secret}"}
    return Request(method="POST", path=oauth.revoke_url, form=form)


@hookimpl
def map_event(event: Event, subject: Subject, mapping: FieldMapping) -> Sequence[Draft]:
    return mapping.drafts(event, subject)


@hookimpl
def match_keys(draft: Draft) -> Sequence[Key]:
    return dedup.keys_of(draft)


@hookimpl
def choose_match(draft: Draft, candidates: Sequence[Candidates]) -> Match:
    return dedup.chosen(draft, candidates)


@hookimpl
def merge_fields(draft: Draft, match: Match) -> Sequence[FieldChange]:
    return dedup.merged_fields(draft, match)


@hookimpl
def check_mapping(conn: Connection, mapping: FieldMapping) -> Sequence[Finding]:
    """Compare the fields that a mapping writes with those that the CRM lists."""
    findings = []
    tables = [
        *((role, table.fields) for role, table in mapping.records.items()),
        *((role, {table.object: table.fields}) for role, table in mapping.activities.items()),
    ]
    for role, by_type in tables:
        for type_, rows in by_type.items():
            listed = conn.hooks.list_fields(type_)
            if listed is None:
                findings.append(
                    Finding(
                        level="warning",
                        subject=f"{role} {type_}",
                        message="The fields of this object cannot be listed, so not verified.",
                    )
                )
                continue
            known = {field.name: field for field in listed}
            for name in rows:
                field = known.get(name)
                if field is None or not field.writable:
                    problem = "cannot be written" if field else "does not exist or is hidden"
                    findings.append(
                        Finding(
                            level="error",
                            subject=f"{role} {type_}.{name}",
                            message=f"The field {problem} for the connected user.",
                            remedy="Give the user the right to it, or take it out of the mapping.",
                        )
                    )
    return findings
