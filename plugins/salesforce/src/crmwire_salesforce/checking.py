"""Who is connected, to which org, and what the user may do there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from crmwire.errors import Failure, NotAllowed, Rejected
from crmwire.reading import an_object
from crmwire.types import ConnectionReport, Finding
from crmwire_salesforce import describing, users
from crmwire_salesforce.api import data_path, run_composite
from crmwire_salesforce.errors import unreadable
from crmwire_salesforce.quota import usage
from crmwire_salesforce.soql import select

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.http import Response

_NEEDED = ("Contact", "Event")
"""What a booking is written to; nothing else is asked for unless a mapping names it."""
WARN_AT = 0.8
"""Share of the day's API calls from which `check` warns."""
_LOGIN_HOSTS = ("login.salesforce.com", "test.salesforce.com")
_ORG_FIELDS = ("Id", "Name", "OrganizationType", "IsSandbox")


def check_connection(conn: Connection) -> ConnectionReport:
    """Identity by userinfo, which is no API call; org and rights by one composite.

    Raises: Failure.
    """
    who = users.identity(conn)
    findings = list(_about_user(who))
    host = _instance_host(conn, who)
    if host is not None:
        findings.append(
            Finding(
                level="error",
                subject="host",
                message=f"{urlsplit(conn.http.base_url).hostname} only serves logins.",
                remedy=f"Set the connection's host to {host}.",
            )
        )
        return _report(who, {}, findings)
    seen: list[Response] = []
    try:
        organization, *describes = run_composite(conn, _questions(conn), seen=seen)
        if isinstance(organization, Failure):
            raise organization
        rows = [an_object(one) for one in organization["records"]]
    except (Rejected, NotAllowed) as failure:
        offered = _offered_versions(conn)
        if offered and conn.api_version not in offered:
            findings.append(_about_version(conn, offered, failure))
            return _report(who, {}, findings)
        if isinstance(failure, Rejected):
            raise
        subject = "edition" if failure.code == "API_DISABLED_FOR_ORG" else "API access"
        findings.append(
            Finding(
                level="error",
                subject=subject,
                message=f"{failure.message} ({failure.code})",
                remedy=failure.remedy,
            )
        )
        return _report(who, {}, findings)
    except (KeyError, TypeError):
        raise unreadable("who we are").marked(sent="no") from None
    as_of = seen[0].headers.get("date", "")
    for type_, answer in zip(_NEEDED, describes, strict=True):
        findings += _about_object(conn, type_, answer, as_of)
    findings += _about_calls(conn, seen[0].headers)
    return _report(who, rows[0] if rows else {}, findings)


def _about_version(conn: Connection, offered: Sequence[str], failure: Failure) -> Finding:
    return Finding(
        level="error",
        subject="api_version",
        message=f"The org does not offer version {conn.api_version} of the API ({failure.code}).",
        remedy=f"Set the connection's api_version to one from {offered[0]} to {offered[-1]}.",
    )


def _offered_versions(conn: Connection) -> list[str]:
    """The versions of the API, oldest first. Not counted as a call."""
    try:
        answer = conn.http.get("/services/data").json()
    except Failure:
        return []
    return [str(one.get("version")) for one in answer if isinstance(one, dict)]


def _questions(conn: Connection) -> list[dict[str, str]]:
    query = select(_ORG_FIELDS, "Organization").replace(" ", "+")
    return [
        {"method": "GET", "url": data_path(conn, f"/query?q={query}"), "referenceId": "org"},
        *(
            {"method": "GET", "url": describing.describe_path(conn, type_), "referenceId": type_}
            for type_ in _NEEDED
        ),
    ]


def _instance_host(conn: Connection, who: Mapping[str, Any]) -> str | None:
    """The org's own address, if the connection still points to a login host."""
    if urlsplit(conn.http.base_url).hostname not in _LOGIN_HOSTS:
        return None
    urls = an_object(who.get("urls"))
    return str(urls.get("custom_domain") or "the org's My Domain address (Setup, My Domain)")


def _report(
    who: Mapping[str, Any], organization: Mapping[str, Any], findings: list[Finding]
) -> ConnectionReport:
    edition = str(organization.get("OrganizationType") or "")
    if organization.get("IsSandbox"):
        edition = f"{edition} (sandbox)"
    return ConnectionReport(
        account_id=str(organization.get("Id") or who["organization_id"]),
        account_name=str(organization.get("Name") or _domain(who)),
        user_id=str(who["user_id"]),
        user_name=str(who.get("name") or who.get("preferred_username") or ""),
        tier=edition,
        findings=tuple(findings),
    )


def _domain(who: Mapping[str, Any]) -> str:
    """The org's own host, where its name cannot be read."""
    try:
        return urlsplit(str(an_object(who.get("urls")).get("custom_domain") or "")).netloc
    except ValueError:
        return ""


def _about_user(who: Mapping[str, Any]) -> Iterator[Finding]:
    if who.get("active") is False:
        yield Finding(
            level="error",
            subject="user",
            message=f"The connected user {who.get('name')} is not active.",
            remedy="Activate the user in Setup, Users, or connect as another one.",
        )


def _about_calls(conn: Connection, headers: Mapping[str, str]) -> Iterator[Finding]:
    """How much of the day's API calls is used, by all that call the org."""
    known = usage(headers)
    if known is None or not known[1]:
        return
    used, allowed = known
    share = used / allowed
    message = f"{used} of {allowed} were used in the last 24 hours ({share:.0%}), by whomever."
    budget = conn.settings.budget_share
    if budget is not None:
        message += f" At {budget:.0%} crmwire waits."
    if share >= WARN_AT or (budget is not None and share >= budget):
        yield Finding(
            level="warning",
            subject="API calls",
            message=message,
            remedy="Cut other integrations or raise the org's limit (Setup, Company Information); "
            "what cannot be sent waits and is not lost.",
        )


def _about_object(conn: Connection, type_: str, answer: Any, as_of: str) -> Iterator[Finding]:
    """Whether records of this type can be made and changed."""
    if isinstance(answer, Rejected | NotAllowed):
        yield Finding(
            level="error",
            subject=type_,
            message=f"The object {type_} is missing or the user has no right to it.",
            remedy=f"In Setup, give the user's profile Create and Edit on {type_}.",
        )
        return
    if isinstance(answer, Failure):
        raise answer
    describing.remember(conn, type_, answer, as_of)
    lacking = [
        word
        for word, flag in (("create", "createable"), ("edit", "updateable"))
        if not answer.get(flag)
    ]
    if lacking:
        yield Finding(
            level="error",
            subject=type_,
            message=f"The user may not {' or '.join(lacking)} records of {type_}.",
            remedy=f"In Setup, give the user's profile Create and Edit on {type_}.",
        )
    else:
        yield Finding(level="ok", subject=type_, message="The user may create and edit records.")
