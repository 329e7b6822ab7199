"""The daemon as a process: a webhook with a bad signature reaches the people who are told."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from crmwire.app import App
from crmwire.demo.environment import surroundings

pytest.importorskip("crmwire_calcom")


def test_a_bad_signature_is_told_to_the_webhook_of_the_team(tmp_path: Path) -> None:
    got: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with (
        surroundings(tmp_path),
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as receiver,
    ):
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        with App() as app:
            path = app.add_feed("cal", source="calcom", signing_secret="right")
            url = f"http://127.0.0.1:{receiver.server_address[1]}/"
            app.add_alert("hook", address=url, kind="webhook")
        with subprocess.Popen(
            [sys.executable, "-m", "crmwire", "serve", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=dict(os.environ),
        ) as daemon:
            try:
                assert daemon.stdout is not None
                base = daemon.stdout.readline().split()[3]
                request = urllib.request.Request(
                    base + path,
                    b"{}",
                    {"Content-Type": "application/json", "x-cal-signature-256": "0" * 64},
                )
                for _ in range(3):
                    with pytest.raises(urllib.error.HTTPError) as refused:
                        urllib.request.urlopen(request)
                    assert refused.value.code == 401
                    refused.value.close()
                end = time.monotonic() + 30
                while not got:
                    assert time.monotonic() < end
                    time.sleep(0.05)
            finally:
                daemon.terminate()
        receiver.shutdown()
    (one,) = got
    (trouble,) = one["data"]["troubles"]
    assert (trouble["kind"], trouble["name"]) == ("refused", "cal")
    assert trouble["what"].startswith("3 webhooks had a wrong")
