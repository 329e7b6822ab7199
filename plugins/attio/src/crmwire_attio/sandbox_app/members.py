"""The token itself, and the members of its workspace.

docs.attio.com/rest-api/endpoint-reference, meta and workspace members (read 2026-11).
"""

from __future__ import annotations

from typing import Any

from crmwire_attio.sandbox_app.answers import Answer, Refusal
from crmwire_attio.sandbox_app.call import Call, Endpoint
from crmwire_attio.sandbox_app.workspace import Access, Member, Workspace


def identity(workspace: Workspace | None, access: Access | None) -> dict[str, Any]:
    """What `GET /v2/self` tells of a token; of an unknown one, that it is not active."""
    if workspace is None or access is None:
        return {"active": False}
    return {
        "active": True,
        "scope": " ".join(sorted(access.scopes)),
        "client_id": access.client_id,
        "token_type": "Bearer",
        "exp": None,
        "iat": access.issued_at,
        "sub": workspace.id,
        "aud": access.client_id,
        "iss": "attio.com",
        "token_level": "workspace",
        "authorized_by_workspace_member_id": workspace.first_member.id,
        "workspace_id": workspace.id,
        "workspace_name": workspace.name,
        "workspace_slug": workspace.slug,
        "workspace_logo_url": None,
    }


def _member_json(workspace: Workspace, member: Member) -> dict[str, Any]:
    return {
        "id": {"workspace_id": workspace.id, "workspace_member_id": member.id},
        "first_name": member.first_name,
        "last_name": member.last_name,
        "avatar_url": None,
        "email_address": member.email_address,
        "access_level": member.access_level,
        "created_at": member.created_at,
    }


def list_members(call: Call) -> Answer:
    members = call.workspace.members.values()
    return Answer(body={"data": [_member_json(call.workspace, member) for member in members]})


def get_member(call: Call) -> Answer:
    id_ = call.params["member_id"]
    if id_ not in call.workspace.members:
        raise Refusal(404, "not_found", f'Workspace member with ID "{id_}" not found.')
    return Answer(body={"data": _member_json(call.workspace, call.workspace.members[id_])})


_SCOPES = ("user_management:read",)
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/v2/workspace_members",
        handler=list_members,
        scopes=_SCOPES,
        limits=("read",),
    ),
    Endpoint(
        method="GET",
        path="/v2/workspace_members/{member_id}",
        handler=get_member,
        scopes=_SCOPES,
        limits=("read",),
    ),
)
