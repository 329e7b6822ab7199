"""Calling an ASGI app directly, with headers as raw as they come in; no socket is in between."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from attrs import frozen
from starlette.types import ASGIApp, Message

Headers = Sequence[tuple[bytes, bytes]]


@frozen
class Said:
    """What the app answered."""

    status: int
    body: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None


async def post(app: ASGIApp, path: str, body: bytes, headers: Headers, **more: Any) -> Said:
    """Send a webhook; otherwise as `called`."""
    return await called(app, "POST", path, body, headers, **more)


async def called(
    app: ASGIApp,
    method: str,
    path: str,
    body: bytes,
    headers: Headers,
    *,
    query: bytes = b"",
    parts: int = 1,
    ends: bool = True,
) -> Said:
    """Send a body in so many parts; where it does not end, the sender goes away before it does.

    Raises: whatever the app raises, as a server would log it with a traceback.
    """
    size = max(1, -(-len(body) // parts))
    chunks = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
    waiting: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": not ends or n < len(chunks) - 1}
        for n, chunk in enumerate(chunks)
    ]
    if not ends:
        waiting.append({"type": "http.disconnect"})
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query,
        "headers": [(name.lower(), value) for name, value in headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return Said(sent[0]["status"], content)
