"""Authorised calls to one account: paced, repeated where that is safe, recorded."""

from __future__ import annotations

import contextvars
import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from crmwire.errors import Failure, NeedsLogin, RetryLater, Sent
from crmwire.hosts import joined
from crmwire.http.client import Client, shared_client, timed_out
from crmwire.http.exchanges import Exchange, recorder, redacted_path
from crmwire.http.messages import Request, Response
from crmwire.http.refusals import date_of, failure_by_status, retry_after, without_secrets

if TYPE_CHECKING:
    from crmwire.clock import Clock
    from crmwire.pacing import Pacer
    from crmwire.types import LimitState

Classify = Callable[[int, Mapping[str, str], str], "Failure | None"]
ReadLimits = Callable[[int, Mapping[str, str]], "Iterable[LimitState]"]
REPEATS = 2
"""How often one call is sent again in place, where that is safe."""
RENEWALS = 3
"""How often one call is sent again with a newer token: that one may have ended on the way, too."""
SHORT_WAIT = 2.0
"""Seconds of `Retry-After` that are waited for in place; longer ones pause the lane."""
_PARALLEL = 8


class Http:
    """`conn.http`: authorised calls to one CRM account; or `feed.http`, to one source's.

    `called` is what messages call the other side. `renew` is told the headers that were refused,
    and says whether there are others now.
    """

    def __init__(
        self,
        *,
        base_url: str | Callable[[], str],
        headers: Callable[[], Mapping[str, str]],
        pacer: Pacer,
        clock: Clock,
        classify: Classify,
        read_limits: ReadLimits,
        read_timeout: float = 30.0,
        connect_timeout: float = 10.0,
        request_id_header: str = "x-request-id",
        budget_share: float | None = None,
        client: Client | None = None,
        called: str = "CRM",
        renew: Callable[[Mapping[str, str]], bool] = lambda headers: False,
    ) -> None:
        self._base_url = base_url
        self._renew = renew
        self._called = called
        self._headers = headers
        self._pacer = pacer
        self._clock = clock
        self._classify = classify
        self._read_limits = read_limits
        self._read = read_timeout
        self._connect = min(connect_timeout, read_timeout)
        self._request_id_header = request_id_header
        self._budget_share = budget_share
        self._client = client
        self._pool: ThreadPoolExecutor | None = None
        self._pool_lock = threading.Lock()
        self.ahead = 0.0
        """Seconds by which our clock was ahead of the server's at its last answer."""

    @property
    def base_url(self) -> str:
        """Where paths begin; a new login may move it."""
        return self._base_url if isinstance(self._base_url, str) else self._base_url()

    # ------------------------------------------------------------ calls

    def get(self, path: str, **more: Any) -> Response:
        return self.send(Request(method="GET", path=path, **more))

    def post(self, path: str, json: object = None, **more: Any) -> Response:
        return self.send(Request(method="POST", path=path, json=json, **more))

    def put(self, path: str, json: object = None, **more: Any) -> Response:
        return self.send(Request(method="PUT", path=path, json=json, **more))

    def patch(self, path: str, json: object = None, **more: Any) -> Response:
        return self.send(Request(method="PATCH", path=path, json=json, **more))

    def delete(self, path: str, **more: Any) -> Response:
        return self.send(Request(method="DELETE", path=path, **more))

    def map(self, requests: Sequence[Request]) -> list[Response | Failure]:
        """Send several at once within the limits; answers and failures stand in order."""
        if len(requests) < 2:
            return [self._send_or_failure(request) for request in requests]
        with self._pool_lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="crmwire-http")
        futures = [
            self._pool.submit(contextvars.copy_context().run, self._send_or_failure, request)
            for request in requests
        ]
        return [future.result() for future in futures]

    def _send_or_failure(self, request: Request) -> Response | Failure:
        try:
            return self.send(request)
        except Failure as failure:
            return failure

    def send(self, request: Request) -> Response:
        """Send one request and return its answer.

        Raises: a Failure for any status of 400 and above that is not in `request.accept`, as
        `classify_error` names it; RetryLater for what never arrived or was not answered.
        """
        repeat, renewals = 0, 0
        while True:
            last = repeat == REPEATS
            self._pacer.take(request.limit)
            authorised = self._headers()  # before the address: a refresh may move the account
            url = self._url(request.path)
            started = self._clock.monotonic()
            try:
                status, headers, content = (self._client or shared_client()).send(
                    request,
                    url,
                    authorised,
                    connect=self._connect,
                    read=self._read,
                    called=self._called,
                )
            except RetryLater as error:
                self._record(request, None, "", started, error.message)
                if last or not _may_repeat(request, error):
                    raise
                self._clock.sleep(_backoff(repeat))
                repeat += 1
                continue
            response = Response(
                status=status,
                headers=headers,
                content=content if status < 400 else without_secrets(content, authorised),
                request_id=headers.get(self._request_id_header, ""),
            )
            self._record(request, status, response.request_id, started)
            date = date_of(headers)
            if date is not None:
                self.ahead = (self._clock.now() - date).total_seconds()
            self._pacer.learn(self._read_limits(status, headers), share=self._budget_share)
            if status < 300 or status in request.accept:
                return response
            failure = self._failure(request, response)
            if isinstance(failure, NeedsLogin) and renewals < RENEWALS:
                # Nothing was done, so it may be sent again with a token that is newer.
                renewals += 1
                if self._renew(authorised):
                    continue
            wait = failure.after if isinstance(failure, RetryLater) else None
            if not isinstance(failure, RetryLater) or last:
                raise failure
            if failure.sent == "unknown" and not request.repeatable:
                raise failure
            wait = _backoff(repeat) if wait is None else wait
            if wait > SHORT_WAIT:
                raise failure
            self._clock.sleep(wait)
            repeat += 1

    # ------------------------------------------------------------ inside

    def _url(self, path: str) -> str:
        return joined(self.base_url, path, self._called)

    def _failure(self, request: Request, response: Response) -> Failure:
        status = response.status
        failure = self._classify(status, response.headers, response.text)
        if failure is None:
            failure = failure_by_status(status, response, self._called)
        if isinstance(failure, RetryLater) and failure.after is None:
            failure.after = retry_after(response.headers)
        sent: Sent = "no"
        if status >= 500 and not request.safe and request.method == "POST":
            sent = "unknown"
        failure.add_note(f"{request.method} {redacted_path(request.path)} answered {status}")
        return failure.marked(sent=sent, request_id=response.request_id)

    def _record(
        self,
        request: Request,
        status: int | None,
        request_id: str,
        started: float,
        problem: str = "",
    ) -> None:
        self._pacer.count(status)
        exchanges = recorder.get()
        if exchanges is not None:
            exchanges.append(
                Exchange(
                    method=request.method,
                    path=redacted_path(request.path),
                    status=status,
                    request_id=request_id,
                    seconds=round(self._clock.monotonic() - started, 4),
                    problem=problem,
                )
            )

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False)


def _may_repeat(request: Request, error: RetryLater) -> bool:
    """Whether what was not answered may be sent again in place.

    What timed out may still be committed, so a write is not repeated then: it could land after a
    newer one. The pipeline waits `settle_after` first.
    """
    if error.sent == "no":
        return error.after is None
    return request.method == "GET" if timed_out(error) else request.repeatable


def _backoff(repeat: int) -> float:
    return float(0.2 * 2**repeat * random.uniform(0.8, 1.2))
