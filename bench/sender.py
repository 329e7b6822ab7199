"""Sends webhooks over HTTP and tells how long each answer took: `python -m bench.sender`.

A process of its own, so that it takes nothing of the daemon's interpreter but processor time.
Reads one JSON document on standard input, writes one on standard output.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any


class Line:
    """One connection that is kept open."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def post(self, path: str, body: bytes, headers: Mapping[str, str] = {}) -> int:
        """Send, and return the status of the answer."""
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = (
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"{more}Content-Length: {len(body)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + body)
        while b"\r\n\r\n" not in self._rest:
            self._more()
        lines, _, self._rest = self._rest.partition(b"\r\n\r\n")
        length = 0
        for line in lines.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        while len(self._rest) < length:
            self._more()
        self._rest = self._rest[length:]
        return int(lines.split(b" ", 2)[1])

    def close(self) -> None:
        self._socket.close()

    def _more(self) -> None:
        part = self._socket.recv(65536)
        if not part:
            raise ConnectionError("the daemon closed the connection")
        self._rest += part


def main() -> None:
    job: dict[str, Any] = json.load(sys.stdin)
    bodies = [body.encode() for body in job["bodies"]]
    headers: list[Mapping[str, str]] = job.get("headers") or [{}] * len(bodies)
    rate: float | None = job.get("rate")
    numbers, lock = iter(range(len(bodies))), threading.Lock()
    taken: list[float] = []
    statuses: dict[int, int] = {}
    started = time.perf_counter() + 0.2

    def send() -> None:
        line = Line(job["host"], job["port"])
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            due = started + (number / rate if rate else 0.0)
            time.sleep(max(0.0, due - time.perf_counter()))
            # At a rate, waiting for a free connection counts: it is what the source would see.
            begun = due if rate else time.perf_counter()
            status = line.post(job["path"], bodies[number], headers[number])
            seconds = time.perf_counter() - begun
            with lock:
                taken.append(seconds)
                statuses[status] = statuses.get(status, 0) + 1

    threads = [threading.Thread(target=send) for _ in range(job["senders"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    json.dump(
        {"seconds": time.perf_counter() - started, "taken": taken, "statuses": statuses}, sys.stdout
    )


if __name__ == "__main__":
    main()
