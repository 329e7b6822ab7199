"""Bodies in gzip, both ways: "Using Compression" in the REST API Developer Guide (read 2026-11)."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping

from starlette.responses import Response

from crmwire_salesforce.sandbox_app.problems import not_parsed

_SHORTEST = 1_000
"""Bytes from which an answer is packed. Guess: that short ones are not."""


def unpacked(content: bytes, headers: Mapping[str, str]) -> bytes:
    """A request's body as it was before it was packed. Raises: Refused."""
    if headers.get("content-encoding", "").strip().lower() != "gzip":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise not_parsed(f"The body is not in gzip: {error}") from None


def packed(response: Response, headers: Mapping[str, str]) -> Response:
    """The answer in gzip, if it is worth it and the client takes it."""
    accepted = [
        one.partition(";")[0].strip() for one in headers.get("accept-encoding", "").split(",")
    ]
    body = bytes(response.body)
    if "gzip" not in accepted or len(body) < _SHORTEST:
        return response
    response.body = gzip.compress(body, compresslevel=1, mtime=0)
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Content-Length"] = str(len(response.body))
    return response
