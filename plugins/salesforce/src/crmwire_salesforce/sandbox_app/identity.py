"""Who the token belongs to, as `/services/oauth2/userinfo` answers."""

from __future__ import annotations

from typing import Any

from crmwire_salesforce.sandbox_app.org import Org
from crmwire_salesforce.sandbox_app.values import shown


def userinfo(org: Org, host: str) -> dict[str, Any]:
    """The members that a live org gives; `urls` hold a literal `{version}`."""
    user = org.row("User", org.user_id)
    assert user is not None
    rest = f"{host}/services/data/v{{version}}"
    return {
        "sub": f"https://login.salesforce.com/id/{org.org_id}/{user['Id']}",
        "user_id": user["Id"],
        "organization_id": org.org_id,
        "preferred_username": user["Username"],
        "nickname": user["Username"].partition("@")[0],
        "name": user["Name"],
        "email": user["Email"],
        "email_verified": True,
        "given_name": user["FirstName"],
        "family_name": user["LastName"],
        "zoneinfo": user["TimeZoneSidKey"],
        "photos": {"picture": f"{host}/profilephoto/005/F"},
        "profile": f"{host}/{user['Id']}",
        "picture": f"{host}/profilephoto/005/F",
        "address": {},
        "is_salesforce_integration_user": False,
        "urls": {
            "rest": f"{rest}/",
            "sobjects": f"{rest}/sobjects/",
            "query": f"{rest}/query/",
            "custom_domain": host,
        },
        "active": user["IsActive"],
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": 0,
        "updated_at": shown(user["LastModifiedDate"]).replace(".000+0000", "Z"),
    }


def identity(org: Org, host: str) -> dict[str, Any]:
    """What the identity URL of a token's answer tells: the same, under other names."""
    told, user = userinfo(org, host), org.row("User", org.user_id)
    assert user is not None
    return {
        "id": f"{host}/id/{org.org_id}/{user['Id']}",
        "asserted_user": True,
        "user_id": user["Id"],
        "organization_id": org.org_id,
        "username": user["Username"],
        "nick_name": told["nickname"],
        "display_name": user["Name"],
        "email": user["Email"],
        "first_name": user["FirstName"],
        "last_name": user["LastName"],
        "timezone": user["TimeZoneSidKey"],
        "photos": told["photos"],
        "status": {"created_date": None, "body": None},
        "urls": told["urls"],
        "active": user["IsActive"],
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": 0,
        "last_modified_date": shown(user["LastModifiedDate"]),
    }
