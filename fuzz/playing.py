"""What a vendor answered once, played again, and changed at random on the way."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from attrs import frozen

from crmwire.http import Request
from fuzz import mutating

STATUSES = (
    200,
    200,
    200,
    201,
    202,
    204,
    207,
    301,
    400,
    401,
    403,
    404,
    409,
    422,
    423,
    429,
    500,
    503,
)
HEADERS = ("", "-1", "9" * 400, "nan", "x", "api-usage=1/0", "api-usage=99999999/5", "\xe9", "1e9")
NOTHING = (
    b"", b"null", b"[]", b"{}", b"0", b'"x"', b"[null]", b"[[]]", b"<html></html>",
    b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"9" * 5000, b"NaN", b'[{"x": NaN}]',
)  # fmt: skip
"""Bodies that say nothing."""
MOST = 300
"""Requests of one case; who sends more goes on for ever."""


class Endless(Exception):
    """More was asked than a case can need."""


@frozen
class Answer:
    """One recorded answer, and what it answered."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    query: str = ""


class Player:
    """Answers as was recorded, and changes the answer whose turn it is; a client of `Http`."""

    def __init__(self, answers: list[Answer], first: list[Answer]) -> None:
        """`first` is looked through before all the others."""
        self._answers = answers
        self.first = first
        self.chance: random.Random | None = None
        self.goes_on = False
        self.told: list[str] = []
        self.asked = 0
        self._last: Answer | None = None

    def send(
        self, request: Request, url: str, headers: Mapping[str, str], **more: Any
    ) -> tuple[int, dict[str, str], bytes]:
        self.asked += 1
        if self.asked > MOST:
            raise Endless
        parts = urlsplit(url)
        found = self._found(request.method, parts.path, parts.query or urlencode(request.params))
        if found is None and self.goes_on:
            found = self._last  # what comes next was never asked for
        if found is None:
            return 404, {"content-type": "application/json"}, b'{"message": "not recorded"}'
        self._last = found
        status, given, body = found.status, dict(found.headers), found.body
        if self.goes_on:
            body = _onward(body, self.asked)
        elif self.chance is not None and self.chance.random() < 0.7:
            status, given, body = changed(self.chance, status, given, body)
            self.told.append(f"{request.method} {parts.path} -> {status} {body[:1500]!r}")
        return status, given, body

    def _found(self, method: str, path: str, query: str) -> Answer | None:
        for answers in (self.first, self._answers):
            fitting = [one for one in answers if (one.method, one.path) == (method, path)]
            for one in fitting:
                if one.query == query:
                    return one
            if fitting:
                return fitting[0]
        return None

    def close(self) -> None:
        """Nothing is open."""


def changed(
    chance: random.Random, status: int, headers: dict[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    """An answer with its body, its headers or its status changed."""
    pick = chance.random()
    if pick < 0.75 and (data := mutating.read(body)) is not None:
        body = json.dumps(mutating.changed(chance, data)).encode("utf-8", "replace")
    elif pick < 0.83:
        body = mutating.mangled(chance, body)
    elif pick < 0.87:
        body = chance.choice(NOTHING)
    elif pick < 0.92:
        headers = {name: chance.choice((value, *HEADERS)) for name, value in headers.items()}
        headers["retry-after"] = chance.choice(HEADERS)
    if chance.random() < 0.2:
        status = chance.choice(STATUSES)
    return status, headers, body


def _onward(body: bytes, number: int) -> bytes:
    """The answer of a vendor whose lists never end: each names another one that comes next."""
    data = mutating.read(body)
    if data is None:
        return body
    return json.dumps(_with_next(data, "", number)).encode("utf-8", "replace")


def _with_next(value: Any, name: str, number: int) -> Any:
    if isinstance(value, dict):
        made = {key: _with_next(one, key, number) for key, one in value.items()}
        if isinstance(value.get("results"), list):  # as HubSpot says that there is more
            made.setdefault("paging", {"next": {"after": f"{number}"}})
        if isinstance(value.get("records"), list):  # as Salesforce does
            made |= {"done": False, "nextRecordsUrl": f"/services/data/v60.0/query/{number}"}
        return made
    if isinstance(value, list):
        return [_with_next(one, "", number) for one in value]
    if "next" in name.lower() or "after" in name.lower():
        if isinstance(value, bool):
            return True
        return value + number if isinstance(value, int) else f"{value or 'more'}{number}"
    return value
