"""What no login answers: token endpoints, refusals, what browsers bring back, and our own pages.

A login ends with tokens that can stand in a header and an address of the vendor's, or with a
failure that says what to do; the daemon's pages never answer with a 5xx.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.types import ASGIApp

from crmwire.app import App
from crmwire.connections import Connection
from crmwire.demo.environment import surroundings
from crmwire.errors import ConfigurationError, CrmwireError, Failure, PluginBroken
from crmwire.hosts import checked_base_url
from crmwire.http import Request
from crmwire.logins import endpoint, grants, redirects
from crmwire.logins.answers import Tokens
from crmwire.receiver import receiver
from crmwire.sandbox import CLIENT_ID, CLIENT_SECRET
from crmwire.testing.cassettes import kept_as, plugin_of
from crmwire.testing.clock import HeldClock
from crmwire.testing.connect import connect
from crmwire.testing.samples import BOOKED_AT
from fuzz import mutating
from fuzz.calling import called
from fuzz.faults import where
from fuzz.playing import Answer, Player
from fuzz.steady import Steady
from fuzz.tally import Tally

CRMS = ("salesforce", "hubspot", "attio", "toy")
TOKEN = {
    "access_token": "00Dxx!AQ.an-access-token", "refresh_token": "5Aep.a-refresh-token",
    "token_type": "Bearer", "expires_in": 1800, "scope": "api refresh_token",
    "scopes": ["oauth", "crm.objects.contacts.read"], "issued_at": "1795255200000",
    "instance_url": "https://example.my.salesforce.com", "signature": "c2lnbmF0dXJl",
    "id": "https://login.salesforce.com/id/00Dxx/005xx", "hub_id": 4711, "user_id": 12,
}  # fmt: skip
"""What any of them answers who lets somebody in."""
REFUSALS: tuple[dict[str, Any], ...] = (
    {"error": "invalid_grant", "error_description": "expired access/refresh token"},
    {"error": "invalid_client", "error_description": "invalid client credentials"},
    {"status": "BAD_REFRESH_TOKEN", "message": "missing or unknown refresh token",
     "correlationId": "6f1c", "requestId": "6f1d"},
    {"status_code": 400, "type": "invalid_request_error", "code": "value_not_found",
     "message": "Could not find the code."},
)  # fmt: skip
LINE = "state=s&code=c0de&error=access_denied&error_description=no&iss=https://login.salesforce.com"


def mutated(seed: int, count: int, start: int = 0) -> Tally:
    """Answers of token endpoints, queries of redirects, and requests to the daemon's pages."""
    tally = Tally(area="logins", seed=seed, start=start)
    steady = Steady(count)
    with serving() as asgi:
        conns = [_opened(crm) for crm in CRMS]
        for number, chance in enumerate(islice(mutating.endless(seed, start), count), start):
            steady.after(number - start)
            case = f"{seed}/{number}"
            if number % 4 == 3:
                outcome = asyncio.run(_page(tally, asgi, chance, case))
            else:
                outcome = _asked(tally, conns[number // 4 % len(conns)], chance, case)
            tally.outcomes[outcome] += 1
    steady.after(count)
    steady.tell(tally)
    return tally


# ---------------------------------------------------------------- the vendor's answers


def _opened(crm: str) -> tuple[Connection, Player]:
    plugin = plugin_of(crm)
    player = Player([], [])
    conn = connect(
        plugin, kept_as(crm, plugin), clock=HeldClock(BOOKED_AT), client_id=CLIENT_ID,
        client=player,  # type: ignore[arg-type]
    )  # fmt: skip
    return conn, player


def _asked(
    tally: Tally, opened: tuple[Connection, Player], chance: random.Random, case: str
) -> str:
    """One way to tokens, with all that comes on it changed."""
    conn, player = opened
    url = endpoint.oauth_of(conn).token_url
    refused = chance.random() < 0.3
    told = chance.choice(REFUSALS) if refused else TOKEN
    answer = Answer(
        "POST", urlsplit(url).path, 400 if refused else 200,
        {"content-type": "application/json"}, json.dumps(told).encode(),
    )  # fmt: skip
    player.first, player.chance, player.told, player.asked = [answer], chance, [], 0
    secrets = {grants.CLIENT_SECRET: CLIENT_SECRET, grants.REFRESH_TOKEN: "a-refresh-token"}
    way = chance.choice(("refreshes", "comes back", "revokes"))
    try:
        match way:
            case "refreshes":
                _judged(tally, conn, grants.another(conn, "authorization_code", secrets), case)
            case "comes back":
                redirects.code_of(conn, redirects.read_redirect(_query(chance)))
            case _:
                request = conn.hooks.revocation("a-token") or Request(method="POST", path=url)
                status, headers, body = endpoint.send(conn, request)
                raise endpoint.refusal(conn, status, headers, body)
    except PluginBroken as error:
        if error.__cause__ is None:  # the vendor says that our request was wrong
            return f"{conn.crm}: {way}, refused"
        tally.trouble(f"{conn.crm}: {where(error)}", f"{case} {way}: {error} {player.told}")
        return f"{conn.crm}: broken"
    except CrmwireError as error:
        if isinstance(error, Failure) and not error.message.strip():
            tally.trouble(f"{conn.crm}: a failure without a word", f"{case} {way}: {player.told}")
        return f"{conn.crm}: {way}, refused"
    except Exception as error:  # noqa: BLE001  (that is what is looked for)
        tally.trouble(f"{conn.crm}: {where(error)}", f"{case} {way}: {error!r} {player.told}")
        return f"{conn.crm}: broken"
    return f"{conn.crm}: {way}, let in"


def _judged(tally: Tally, conn: Connection, tokens: Tokens, case: str) -> None:
    """Tokens that are believed can be sent, and only to the vendor."""
    for token in (tokens.access_token, tokens.refresh_token):
        if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
            tally.trouble(f"{conn.crm}: a token that no header takes", f"{case}: {token[:300]!r}")
    life = tokens.expires_in
    if life is not None and not (math.isfinite(life) and life > 0):
        tally.trouble(f"{conn.crm}: a life of {life}", case)
    if not all(isinstance(one, str) for one in tokens.scopes):
        tally.trouble(f"{conn.crm}: a scope that is no text", f"{case}: {tokens.scopes!r}")
    if tokens.base_url is not None:
        try:
            checked_base_url(tokens.base_url, conn.info.host_suffixes)
        except ConfigurationError:
            tally.trouble(f"{conn.crm}: an address of somebody else", f"{case} {tokens.base_url}")


def _query(chance: random.Random) -> str:
    """What a browser may bring back."""
    raw = mutating.mangled(chance, LINE.encode())
    parts = raw.decode("latin-1").split("&")
    if chance.random() < 0.3:
        parts += [chance.choice(parts)] * chance.choice((1, 2, 40))
    if chance.random() < 0.3:
        value = mutating.value(chance)
        parts.append(urlencode({"code": value}, errors="surrogatepass"))
    chance.shuffle(parts)
    return "&".join(parts)


# ---------------------------------------------------------------- our own pages


@contextmanager
def serving() -> Iterator[ASGIApp]:
    """The daemon's pages, with one connection to log in to."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(surroundings(folder))
        app = stack.enter_context(App(folder / "home", threaded=True))
        app.prepare_login("crm", crm="hubspot", settings={"client_id": CLIENT_ID})
        yield receiver(app.openings, lambda _: None, dict)


async def _page(tally: Tally, asgi: ASGIApp, chance: random.Random, case: str) -> str:
    path = chance.choice(("/oauth/callback", "/oauth/hubspot/start", "/oauth/nobody/start"))
    method = chance.choice(("GET", "GET", "POST", "PUT"))
    query = _query(chance).replace("state", chance.choice(("state", "ticket"))).encode("latin-1")
    headers = [(b"cookie", b"crmwire_login=" + chance.randbytes(chance.choice((0, 9, 300))))]
    body = mutating.mangled(chance, query) if method == "POST" else b""
    try:
        said = await called(asgi, method, path, body, headers, query=query)
    except Exception as error:  # noqa: BLE001  (that is what is looked for)
        tally.trouble(f"{path}: {where(error)}", f"{case} {method} {query!r} {body!r}: {error!r}")
        return "page: broken"
    if said.status not in (200, 400, 404, 405):
        tally.trouble(f"{path}: {said.status}", f"{case} {method} {query!r} {body!r}")
    return f"page: {said.status}"
