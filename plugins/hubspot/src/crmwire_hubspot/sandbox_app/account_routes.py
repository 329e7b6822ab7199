"""The routes for owners and the account itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from crmwire_hubspot.sandbox_app import times
from crmwire_hubspot.sandbox_app.refusals import malformed, not_found
from crmwire_hubspot.sandbox_app.times import stamp

if TYPE_CHECKING:
    from crmwire_hubspot.sandbox_app.calls import Call
    from crmwire_hubspot.sandbox_app.portal import Portal


def owners(call: Call) -> Response:
    """GET owners, all or by address; an unknown address gives an empty list."""
    try:
        limit = int(call.query.get("limit", "100"))
        after = int(call.query.get("after") or 0)
    except ValueError:
        raise malformed("limit and after are numbers") from None
    email = call.query.get("email", "").lower()
    archived = call.query.get("archived") == "true"
    known = [
        one
        for one in call.portal.owners.values()
        if one["archived"] == archived
        and (not email or one["email"].lower() == email)
        and int(one["id"]) > after
    ]
    data: dict[str, Any] = {"results": known[:limit]}
    if len(known) > limit:
        last = known[limit - 1]["id"]
        data["paging"] = {"next": {"after": last, "link": f"{call.url}?after={last}"}}
    return JSONResponse(data)


def one_owner(call: Call) -> Response:
    """GET one owner by `id`, or by `userId`."""
    by = "userId" if call.query.get("idProperty") == "userId" else "id"
    for owner in call.portal.owners.values():
        if str(owner[by]) == call.params["id"]:
            return JSONResponse(owner)
    raise not_found()


def add_owner(portal: Portal, email: str, first: str, last: str) -> dict[str, Any]:
    """A new user of the account."""
    id_ = str(30_000_000 + portal.portal_id % 1_000 * 1_000 + len(portal.owners) + 1)
    when = stamp(times.now())
    user = int(id_) // 3
    portal.owners[id_] = {
        "id": id_,
        "email": email,
        "type": "PERSON",
        "firstName": first,
        "lastName": last,
        "userId": user,
        "userIdIncludingInactive": user,
        "createdAt": when,
        "updatedAt": when,
        "archived": False,
    }
    return portal.owners[id_]


def details(call: Call) -> Response:
    """GET what the account is."""
    return JSONResponse(
        {
            "portalId": call.portal.portal_id,
            "accountType": "DEVELOPER_TEST",
            "timeZone": "US/Eastern" if call.portal.region == "na1" else "Europe/Berlin",
            "companyCurrency": "USD",
            "additionalCurrencies": [],
            "utcOffset": "-05:00" if call.portal.region == "na1" else "+01:00",
            "utcOffsetMilliseconds": -18_000_000 if call.portal.region == "na1" else 3_600_000,
            "uiDomain": call.portal.ui_domain,
            "dataHostingLocation": call.portal.region,
        }
    )


def usage(call: Call) -> Response:
    """GET the day's calls of the account's service keys."""
    windows = call.portal.windows
    return JSONResponse(
        {
            "results": [
                {
                    "name": "Service key",
                    "usageLimit": windows.daily or 0,
                    "currentUsage": windows.today,
                    "collectedAt": stamp(times.now()),
                    "fetchStatus": "SUCCESS",
                    "resetsAt": stamp(times.now().replace(hour=23, minute=59, second=59)),
                }
            ]
        }
    )
