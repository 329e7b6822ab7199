"""Which resource answers a call."""

from __future__ import annotations

from typing import Any

from crmwire_salesforce.sandbox_app.batching import answer_batch
from crmwire_salesforce.sandbox_app.calls import NEWEST, OLDEST, Answer, Call, wrong_method
from crmwire_salesforce.sandbox_app.collections import answer_collection
from crmwire_salesforce.sandbox_app.composite import answer_composite, answer_graph
from crmwire_salesforce.sandbox_app.org import Org
from crmwire_salesforce.sandbox_app.problems import Refused, not_found
from crmwire_salesforce.sandbox_app.querying import answer_query, next_chunk
from crmwire_salesforce.sandbox_app.sobjects import answer_sobjects
from crmwire_salesforce.sandbox_app.tooling import answer_custom_field
from crmwire_salesforce.sandbox_app.ui_api import answer_duplicates

_SEASONS = ("Spring", "Summer", "Winter")


def answer(org: Org, call: Call) -> Answer:
    """Answer one call. Raises: Refused."""
    match call.path:
        case ("sobjects", *_):
            return answer_sobjects(org, call)
        case ("query" | "queryAll" as which,):
            _only(call, "GET")
            if "q" not in call.params:
                raise Refused("MALFORMED_QUERY", "A query string has to be specified")
            org.refuse("query")
            text, deleted = call.params["q"], which == "queryAll"
            return Answer(body=answer_query(org, text, call.version, deleted=deleted))
        case ("query" | "queryAll", str(locator)):
            _only(call, "GET")
            return Answer(body=next_chunk(org, locator, call.version))
        case ("limits",):
            _only(call, "GET")
            return Answer(body=_limits(org))
        case ("composite",):
            _only(call, "POST")
            return answer_composite(org, call, answer)
        case ("composite", "batch"):
            _only(call, "POST")
            return answer_batch(org, call, answer)
        case ("composite", "graph"):
            _only(call, "POST")
            return answer_graph(org, call, answer)
        case ("composite", "sobjects", *_):
            return answer_collection(org, call)
        case ("tooling", "sobjects", "CustomField"):
            _only(call, "POST")
            return answer_custom_field(org, call)
        case ("ui-api", "duplicates", _):
            return answer_duplicates(org, call)
        case ():
            _only(call, "GET")
            return Answer(body=_resources(call.version))
    raise not_found()


def _only(call: Call, method: str) -> None:
    if call.method != method:
        raise wrong_method(call, method)


def _limits(org: Org) -> dict[str, Any]:
    left = org.daily_limit - org.used
    return {
        "DailyApiRequests": {"Max": org.daily_limit, "Remaining": left},
        "DataStorageMB": {"Max": 5, "Remaining": 5},
        "FileStorageMB": {"Max": 20, "Remaining": 20},
    }


def _resources(version: str) -> dict[str, str]:
    names = ("sobjects", "query", "queryAll", "limits", "composite")
    return {name: f"/services/data/v{version}/{name}" for name in names}


def versions() -> list[dict[str, str]]:
    """The answer of `/services/data`: three releases a year, v31 was Summer '14."""
    return [
        {
            "label": f"{_SEASONS[major % 3]} '{14 + (major - 29) // 3}",
            "url": f"/services/data/v{major}.0",
            "version": f"{major}.0",
        }
        for major in range(OLDEST, NEWEST + 1)
    ]
