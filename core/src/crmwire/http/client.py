"""The one httpx client of the process."""

from __future__ import annotations

import json as jsonlib
import ssl
import threading
from collections.abc import Mapping
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlencode

import httpcore
import httpx

from crmwire.errors import NotAllowed, RetryLater
from crmwire.http.messages import Request
from crmwire.network import CheckedBackend, deadline

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


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


def timed_out(error: RetryLater) -> bool:
    """Whether the other side had the request, or most of it, and did not answer in time."""
    return isinstance(error.__cause__, httpx.TimeoutException)


_client: Client | None = None


def shared_client() -> Client:
    """The process's client, made on first use, by whichever thread comes first."""
    global _client
    with _making_client:
        if _client is None:
            _client = Client()
        return _client
