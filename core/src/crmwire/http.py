"""Talking to a CRM or a source: one client for all, with deadlines, repeats, pacing, redaction.

The only module that imports httpx. Plugins get a `Http` as `conn.http` or `feed.http`.
"""

from __future__ import annotations

import contextlib
import contextvars
import email.utils
import json as jsonlib
import random
import re
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

import attrs
import httpcore
import httpx
from attrs import frozen

from crmwire.errors import Failure, NeedsLogin, NotAllowed, Rejected, RetryLater, Sent
from crmwire.hosts import joined
from crmwire.network import CheckedBackend, deadline

if TYPE_CHECKING:
    from crmwire.clock import Clock
    from crmwire.pacing import Pacer
    from crmwire.types import LimitState

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Classify = Callable[[int, Mapping[str, str], str], "Failure | None"]
ReadLimits = Callable[[int, Mapping[str, str]], "Iterable[LimitState]"]

REPEATS = 2
"""How often one call is sent again in place, where that is safe."""
SHORT_WAIT = 2.0
"""Seconds of `Retry-After` that are waited for in place; longer ones pause the lane."""
LONGEST_RETRY_AFTER = 24 * 3600.0
"""Seconds of `Retry-After` that are believed; then the vendor is asked again."""
_PARALLEL = 8
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


@frozen(kw_only=True)
class Request:
    """One call. `path` is below the base URL, or a whole URL of the same host.

    `form` is sent as a form instead of `json`, `content` as it is.
    A POST is repeated only if `safe` (a query, a batch read, an upsert). `accept` lists refusing
    statuses that come back as a Response instead of being raised. `limit` names the vendor's
    limit that the call counts under.
    """

    method: Method
    path: str
    json: object = attrs.field(default=None, repr=False)
    form: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    content: bytes | None = attrs.field(default=None, repr=False)
    params: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    safe: bool = False
    accept: frozenset[int] = frozenset()
    limit: str = "calls"

    @property
    def repeatable(self) -> bool:
        return self.safe or self.method != "POST"


@frozen(kw_only=True)
class Response:
    """An answer; header names are lower-cased."""

    status: int
    headers: Mapping[str, str]
    content: bytes = attrs.field(repr=False)
    request_id: str = ""

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON, None if empty. Raises: RetryLater (outcome unknown) if it is not."""
        if not self.content.strip():
            return None
        try:
            return jsonlib.loads(self.content)
        except (ValueError, RecursionError):
            raise RetryLater(
                "The answer is not JSON.",
                code=f"HTTP {self.status}",
                request_id=self.request_id,
                sent="unknown",
            ) from None


@frozen(kw_only=True)
class Exchange:
    """One request and its outcome, as the history of a delivery keeps it."""

    method: str
    path: str
    status: int | None
    request_id: str
    seconds: float
    problem: str = ""


_recorder: contextvars.ContextVar[list[Exchange] | None] = contextvars.ContextVar(
    "crmwire_exchanges", default=None
)


@contextlib.contextmanager
def recording() -> Iterator[list[Exchange]]:
    """Collect the exchanges that happen inside, also those of `Http.map`."""
    exchanges: list[Exchange] = []
    token = _recorder.set(exchanges)
    try:
        yield exchanges
    finally:
        _recorder.reset(token)


@cache
def tls_context() -> ssl.SSLContext:
    """One TLS context for the process: each costs 33 ms."""
    return httpx.create_ssl_context()


_making_client = threading.Lock()


class _Transport(httpx.HTTPTransport):
    """httpx's own, on a pool that connects as `network` allows."""

    def __init__(self, tls: ssl.SSLContext, backend: httpcore.NetworkBackend) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=200,
            max_keepalive_connections=50,
            keepalive_expiry=5.0,
            network_backend=backend,
        )


class Client:
    """The one httpx client of the process: no cookies, no redirects, no environment proxies."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        backend: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._httpx = httpx.Client(
            transport=_Transport(tls or tls_context(), backend or CheckedBackend()),
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        )

    def send(
        self,
        request: Request,
        url: str,
        headers: Mapping[str, str],
        *,
        connect: float,
        read: float,
        called: str = "CRM",
    ) -> tuple[int, dict[str, str], bytes]:
        """Send once. Raises: RetryLater, with `sent` telling whether it may have arrived."""
        content = request.content
        headers = {"Accept": "application/json", **request.headers, **headers}
        if request.json is not None:
            content = jsonlib.dumps(request.json, ensure_ascii=False).encode("utf-8", "replace")
            headers["Content-Type"] = "application/json"
        elif request.form is not None:
            content = urlencode(request.form).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if request.params:
            url += ("&" if "?" in url else "?") + urlencode(request.params)
        timeout = httpx.Timeout(read, connect=connect, pool=connect)
        try:
            with deadline(connect=connect, read=read):
                answer = self._httpx.request(
                    request.method, url, content=content, headers=headers, timeout=timeout
                )
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise NotAllowed(f"A request's address cannot be used ({error}).") from error
        except _NOT_SENT as error:
            raise _unreachable(error, called) from error
        except httpx.TimeoutException as error:
            raise RetryLater(
                f"The {called} did not answer within {read:g} s.", sent="unknown"
            ) from error
        except httpx.HTTPError as error:
            raise RetryLater(
                f"The connection to the {called} broke ({type(error).__name__}).", sent="unknown"
            ) from error
        names = {name.lower(): value for name, value in answer.headers.items()}
        return answer.status_code, names, answer.content

    def close(self) -> None:
        self._httpx.close()


def _unreachable(error: httpx.TransportError, called: str) -> RetryLater:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        message = f"The {called} cannot be reached ({type(error).__name__})."
        return RetryLater(message, pause=True, sent="no")
    return RetryLater(
        f"The {called}'s certificate cannot be trusted ({cause.verify_message}); nothing was sent.",
        remedy="Look at this machine's clock and certificates, and whether something sits between.",
        after=60.0,
        pause=True,
        sent="no",
    )


_client: Client | None = None


def shared_client() -> Client:
    """The process's client, made on first use, by whichever thread comes first."""
    global _client
    with _making_client:
        if _client is None:
            _client = Client()
        return _client


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
        repeat, renewed = 0, False
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
            self._pacer.learn(self._read_limits(status, headers), share=self._budget_share)
            if status < 300 or status in request.accept:
                return response
            failure = self._failure(request, response)
            if isinstance(failure, NeedsLogin) and not renewed:
                # Nothing was done, so it may be sent again: once, with a token that is newer.
                renewed = True
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
        exchanges = _recorder.get()
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
    timed_out = isinstance(error.__cause__, httpx.TimeoutException)
    return request.method == "GET" if timed_out else request.repeatable


def _backoff(repeat: int) -> float:
    return float(0.2 * 2**repeat * random.uniform(0.8, 1.2))


def redacted_path(path: str) -> str:
    """The path without what may name a person: no query, no segment with an address in it."""
    bare = re.split("[?#]", re.sub(r"^(https?:)?//[^/?#]*", "", path))[0]
    segments = bare.split("/")
    return "/".join("…" if "@" in part or "%40" in part.lower() else part for part in segments)


def without_secrets(content: bytes, authorised: Mapping[str, str]) -> bytes:
    """A refusal without the token it was asked with: some echo it, and refusals are kept."""
    for value in authorised.values():
        for part in (value, *value.split()):
            if len(part) >= 8:
                content = content.replace(part.encode(), b"(secret)")
    return content


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by `Retry-After`, given in seconds or as a date (RFC 9110, 10.2.3).

    A date is measured against the answer's own `Date`, so that a wrong clock here does no harm.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return min(max(0.0, float(value)), LONGEST_RETRY_AFTER)
    except ValueError:
        pass
    try:
        until = email.utils.parsedate_to_datetime(value)
        start = email.utils.parsedate_to_datetime(headers["date"])
        return min(max(0.1, (until - start).total_seconds()), LONGEST_RETRY_AFTER)
    except (KeyError, ValueError, TypeError):
        return None


def failure_by_status(status: int, response: Response, called: str = "CRM") -> Failure:
    """What a status means where the plugin does not say otherwise."""
    code, text = f"HTTP {status}", response.text[:300]
    if status == 401:
        return NeedsLogin(code=code)
    if status == 403:
        return NotAllowed(code=code)
    if status == 429:
        return RetryLater(f"The {called} asks for fewer requests.", code=code, pause=True)
    if status in (502, 503, 504):
        return RetryLater(f"The {called} is not available.", code=code, pause=True)
    if status >= 500 or status in (408, 423, 425):
        return RetryLater(f"The {called} answered with status {status}.", code=code)
    return Rejected(f"The {called} refused the request: {text or status}", code=code)
