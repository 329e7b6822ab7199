"""`composite/batch`: independent calls in one request, each of which counts.

"Batch" in the REST API Developer Guide (read 2026-11).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crmwire_salesforce.sandbox_app.calls import ROOT, Answer, Call, read_call
from crmwire_salesforce.sandbox_app.org import Org
from crmwire_salesforce.sandbox_app.problems import Refused, not_parsed

MAX_REQUESTS = 25


def answer_batch(org: Org, call: Call, dispatch: Callable[[Org, Call], Answer]) -> Answer:
    """Answer `/composite/batch`. Raises: Refused."""
    requests = call.body.get("batchRequests") if isinstance(call.body, dict) else None
    if not isinstance(requests, list) or not all(isinstance(one, dict) for one in requests):
        raise not_parsed("The request needs a list `batchRequests`.")
    if len(requests) > MAX_REQUESTS:
        # Guess: code and wording; the limit is documented.
        raise Refused("LIMIT_EXCEEDED", f"A batch has at most {MAX_REQUESTS} requests.")
    halts = call.body.get("haltOnError") is True
    results: list[dict[str, Any]] = []
    failed = False
    for number, request in enumerate(requests):
        if failed and halts:
            told = Refused("BATCH_PROCESSING_HALTED", "Batch processing halted per request")
            results.append({"statusCode": 412, "result": told.body()})
            continue
        begin = org.mark()
        try:
            if number:
                org.count_call()  # the batch itself was counted as the first of them
            answer = dispatch(org, _inner(call, request))
        except Refused as error:
            org.roll_back(begin)
            answer = Answer(status=error.status, body=error.body())
        failed = failed or answer.status >= 400
        results.append({"statusCode": answer.status, "result": answer.body})
    return Answer(body={"hasErrors": failed, "results": results})


def _inner(call: Call, request: dict[str, Any]) -> Call:
    """One request of it; its URL begins with the version. Raises: Refused."""
    url = str(request.get("url", ""))
    if not url.startswith("/"):
        url = ROOT + url
    inner = read_call(str(request.get("method", "")), url, call.headers, request.get("richInput"))
    if inner.path[:1] == ("composite",):
        # Guess: the code.
        raise Refused("INVALID_INPUT", "A batch cannot hold a composite.")
    return inner
