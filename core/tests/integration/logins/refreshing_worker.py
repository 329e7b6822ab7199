"""A process of its own that asks for a token: many threads at once, or until it is killed."""

from __future__ import annotations

import importlib.metadata
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from crmwire import discovery, logs
from crmwire.app import App
from crmwire.logins.stored import StoredLogin

TOY = importlib.metadata.EntryPoint(name="toy", value="crmwire.testing.toycrm", group="crmwire.crm")


def main(what: str, go: str = "") -> None:
    real = discovery.entry_points
    discovery.entry_points = lambda *, group: [  # type: ignore[assignment]
        *real(group=group),
        *([TOY] if group == "crmwire.crm" else []),
    ]
    if what == "die":
        StoredLogin._save = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
    logs.configure(verbose=False, quiet=True)
    with App() as app:
        conn = app.openings.connection(app.store.connection("crm"))
        if what == "die":
            conn.http.get("me")
            return
        print("ready", flush=True)  # noqa: T201  (the other end of a pipe reads it)
        while not Path(go).exists():
            time.sleep(0.005)
        with ThreadPoolExecutor(int(what)) as pool:
            answers = pool.map(lambda _: conn.http.get("me").status, range(int(what)))
            print(*answers)  # noqa: T201


main(*sys.argv[1:])
