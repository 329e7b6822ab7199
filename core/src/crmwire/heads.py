"""HTTP requests whose heads are bounded, as uvicorn reads them with httptools."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 64 * 1024
"""Bytes of a request beside its body: request line, headers, what chunks are framed by, trailers.

As much as uvicorn takes with h11; with httptools it keeps whatever comes.
"""


class BoundedHeads(HttpToolsProtocol):
    """Refuses a request whose head is too large with status 400, and closes its connection."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._head = self._body = 0
        self._begun = False

    def data_received(self, data: bytes) -> None:
        self._body, self._begun = 0, False
        super().data_received(data)
        # What came in with the end of the request before is not told apart; it is one read at most.
        self._head = 0 if self._begun else self._head + len(data) - self._body
        if self._head > LARGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        self._begun = True
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        super().on_body(body)
