"""What is read from every request: version, query, body; and whether its token may."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from crmwire_hubspot.sandbox_app.kinds import kind_of
from crmwire_hubspot.sandbox_app.refusals import malformed, missing_scope, not_found
from crmwire_hubspot.sandbox_app.rules import Rule

DATED = ("2026-09", "2026-03", "v3")
"""What may stand where the dated paths have their date; `v3` is seen in the vendor's own links."""


def version_of(request: Request) -> str:
    """The version of the API that a path is of. Raises: Refusal."""
    version = request.path_params.get("version")
    if version is None:
        return "v4" if "/v4/" in request.url.path else "v3"
    if version not in DATED:
        raise not_found()
    return str(version)


def check_scope(scopes: frozenset[str], rule: Rule, request: Request) -> None:
    """Guess: the scope of the path's own type is needed; of two types, the first one's."""
    if rule.access == "none":
        return
    if rule.access == "owners":
        wanted = "crm.objects.owners.read"
    else:
        kind = kind_of(request.path_params["type"])
        wanted = f"crm.objects.{kind.scope}.{rule.access}"
    if wanted not in scopes:
        raise missing_scope(wanted)


def query_of(request: Request) -> dict[str, str]:
    """The query; a name that stands several times (the official clients do so) is joined."""
    values = request.query_params
    return {name: ",".join(values.getlist(name)) for name in values}


def json_of(body: bytes) -> Any:
    """The body as data, None if empty. Raises: Refusal."""
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except ValueError as error:
        raise malformed(f"Unexpected character ({type(error).__name__})") from None
