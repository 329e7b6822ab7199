"""The date that a sandbox's answers carry."""

from __future__ import annotations

import asyncio
import itertools
import threading

import pytest

from crmwire.sandbox import server


def test_a_date_is_told_by_the_clock_however_rarely_a_busy_server_comes_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = itertools.count(1_800_000_000)
    monkeypatch.setattr("crmwire.sandbox.server.time.time", lambda: next(seconds))
    running = server._Server(server._config(lambda *_: None, 0))  # type: ignore[arg-type]
    dates = []

    async def on_tick(counter: int) -> bool:
        assert counter == 0  # else uvicorn leaves the date as it is
        dates.append(counter)
        return len(dates) == 3

    monkeypatch.setattr(running, "on_tick", on_tick)
    rounds = itertools.count()
    sleep, here = asyncio.sleep, threading.get_ident()

    async def rest(_: float) -> None:
        if threading.get_ident() == here:  # servers of other tests may still come round
            next(rounds)
        await sleep(0)

    monkeypatch.setattr("crmwire.sandbox.server.asyncio.sleep", rest)
    asyncio.run(running.main_loop())
    assert next(rounds) == 2
