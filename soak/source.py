"""The source: sends signed webhooks until they are acknowledged, and writes down each answer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

from crmwire.demo.processes import call
from crmwire.signatures import sign
from soak.script import Posting


class Source:
    """Sends postings from several senders; a booking's come one after the other from the same."""

    def __init__(
        self,
        postings: Sequence[Posting],
        addresses: Callable[[str], str],
        schemes: Mapping[str, Any],
        secret: str,
        log: Path,
        *,
        senders: int = 4,
    ) -> None:
        self.total = len(postings)
        self.sent = 0
        self.answers: dict[str, int] = {}
        self._allowed = 0
        self._addresses, self._schemes, self._secret = addresses, schemes, secret
        self._log = log.open("a")
        self._turn = threading.Condition()
        self._stop = False
        lots: list[list[tuple[int, Posting]]] = [[] for _ in range(senders)]
        for number, one in enumerate(postings):
            lots[int(one.booking[1:]) % senders].append((number, one))
        self._threads = [
            threading.Thread(target=self._send_all, args=(lot,), daemon=True) for lot in lots
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def allow(self, postings: int) -> None:
        """Let so many of them be sent by now."""
        with self._turn:
            self._allowed = max(self._allowed, postings)
            self._turn.notify_all()

    @property
    def done(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        with self._turn:
            self._stop = True
            self._turn.notify_all()
        for thread in self._threads:
            thread.join(30)
        self._log.close()

    def _send_all(self, lot: Sequence[tuple[int, Posting]]) -> None:
        for number, one in lot:
            with self._turn:
                while number >= self._allowed and not self._stop:
                    self._turn.wait()
            while not self._stop:
                status, told = self._send(one)
                self._write(one, status, told)
                if status in (200, 202):
                    break
                time.sleep(0.1)

    def _send(self, one: Posting) -> tuple[int, str]:
        headers = sign(self._schemes[one.feed], self._secret, one.body)
        try:
            answer = call(self._addresses(one.feed), raw=one.body, headers=headers)
        except (OSError, ValueError, HTTPException) as error:
            return 0, type(error).__name__
        return answer.status, str((answer.body or {}).get("status", ""))

    def _write(self, one: Posting, status: int, told: str) -> None:
        line = json.dumps({**one.facts(), "status": status, "told": told})
        with self._turn:
            self._log.write(line + "\n")
            self._log.flush()
            key = f"{status} {told}".strip()
            self.answers[key] = self.answers.get(key, 0) + 1
            self.sent += status in (200, 202)
