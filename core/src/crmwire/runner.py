"""The daemon: receiver and engine in one process, started, watched and stopped."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import structlog
import uvicorn

from crmwire import home as homes
from crmwire import rotating
from crmwire.alerting.kinds import Pace
from crmwire.alerting.watcher import Watcher
from crmwire.app import App
from crmwire.draining import Drainer
from crmwire.engine import Engine
from crmwire.errors import ConfigurationError
from crmwire.heads import BoundedHeads
from crmwire.hooks import manager
from crmwire.hookspecs import AppSpecs
from crmwire.keeping import Keeper
from crmwire.polling import Poller
from crmwire.purging import Purger
from crmwire.receiver import receiver
from crmwire.rechecking import Rechecker
from crmwire.tallies import Tallies
from crmwire.timekeeping import Timekeeper

log = structlog.get_logger("crmwire.runner")

GRACE = 10.0
"""Seconds in which running batches finish when the daemon is told to stop."""


class Daemon:
    """Receiver and engine of one data folder. Raises on start: HomeInUse."""

    def __init__(self, app: App, *, sweep: float = 1.0, pace: Pace | None = None) -> None:
        self.app = app
        self.tallies = Tallies()
        self.drainer = Drainer(app.openings, self.tallies)
        self.timekeeper = Timekeeper(app.store, app.clock)
        self.engine = Engine(
            self.drainer.drain,
            due=self._due,
            crm_of=lambda lane: self._crms().get(lane, lane.partition(":")[0]),
            hangs=self.drainer.hangs,
            rests=self.drainer.rests,
            first_rested=lambda: app.store.first_rested(app.clock.now()),
            sweep=sweep,
        )
        self.drainer.wake = self.engine.wake
        self.watcher = Watcher(app.store, app.vault, app.clock, pace)
        self.rechecker = Rechecker(app.openings)
        self.poller = Poller(app.openings, self.engine.wake, sweep=sweep)
        self.keeper = Keeper(app.openings)
        self.purger = Purger(app.store, app.clock)
        self.asgi = receiver(
            app.openings, self.engine.wake, self.health, self.watcher.intakes, self.tallies
        )
        self._crm_by_lane: dict[str, str] = {}

    def _crms(self) -> dict[str, str]:
        """Which CRM a lane belongs to; a lane that is not known yet is looked up by the sweep."""
        return self._crm_by_lane

    def _due(self) -> list[str]:
        """The lanes to drain, with the clocks looked at before."""
        self.timekeeper.look()
        return self.app.store.due_lanes(self.app.clock.now())

    def health(self) -> dict[str, object]:
        """What `GET /healthz` says."""
        return {"status": "ok", "set_aside": sorted(self.engine.set_aside())}

    def start(self) -> None:
        """Begin to drain what waits."""
        self.timekeeper.begin()
        rotating.announce(self.app.store, self.app.vault)
        for row in self.app.store.connections():
            self._crm_by_lane[row.lane] = row.crm
        self.engine.start()
        self.engine.wake(self.app.store.due_lanes(self.app.clock.now()))
        self.watcher.start()
        self.rechecker.start()
        self.poller.start()
        self.keeper.start()
        self.purger.start()

    def stop(self) -> None:
        """Let running batches finish, for at most GRACE seconds."""
        self.poller.stop()
        self.keeper.stop()
        self.purger.stop()
        self.rechecker.stop()
        if not self.engine.stop(GRACE):
            log.warning("stopped_while_working")
        self.watcher.stop()


_ARENA_MAX = -8
"""M_ARENA_MAX of glibc's malloc.h."""


def _share_heaps() -> None:
    """Let threads share two heaps of C's, where that is glibc.

    By default it makes up to eight for each processor, and each keeps what once was free in it, so
    that a daemon with many threads seems to grow.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


def run(app: App, *, host: str, port: int, ready: Callable[[int], object] = lambda _: None) -> None:
    """Serve until SIGTERM or SIGINT. Raises: HomeInUse, ConfigurationError if the port is taken."""
    _share_heaps()
    with homes.exclusive(app.home), terminable():
        app.store.check()
        apps = manager(AppSpecs, [(p.name, p.load()) for p in app.discovery.of_kind("app")])
        daemon = Daemon(app)
        server = _Server(
            uvicorn.Config(
                daemon.asgi,
                host=host,
                port=port,
                http=BoundedHeads,
                loop="auto",  # uvloop, where it is installed
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=5,
            ),
            lambda bound: _started(daemon, apps, host, bound, ready),
        )
        try:
            server.run()
        except SystemExit:
            pass  # SIGTERM, or uvicorn's way to say that the port could not be bound
        finally:
            apps.hook.runner_stopping()
            daemon.stop()
            (app.home / homes.ADDRESS).unlink(missing_ok=True)
            if server.bound.is_set():
                log.info("daemon_stopped")
        if not server.bound.is_set():
            raise ConfigurationError(
                f"Port {port} of {host} is in use.", remedy="Choose another with --port."
            )


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM end what runs as an exception, not the process at once.

    uvicorn shuts down and then raises the signal again for whoever handled it before; by default
    that would kill us before running batches have finished.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _started(
    daemon: Daemon, apps: Any, host: str, port: int, ready: Callable[[int], object]
) -> None:
    daemon.start()
    gc.collect()
    gc.freeze()  # what was loaded stays: looking through it again and again finds nothing
    reached = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    (daemon.app.home / homes.ADDRESS).write_text(f"{reached} {port}\n")
    apps.hook.runner_started(settings={"port": port})
    log.info("daemon_started", port=port, home=str(daemon.app.home))
    ready(port)


class _Server(uvicorn.Server):
    """Says when it listens, and on which port."""

    def __init__(self, config: uvicorn.Config, on_bound: Callable[[int], object]) -> None:
        super().__init__(config)
        self.bound = threading.Event()
        self._on_bound = on_bound

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.bound.set()
            self._on_bound(int(self.servers[0].sockets[0].getsockname()[1]))
