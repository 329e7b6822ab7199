"""Sends one message, in a process of its own: `python -m crmwire.alerting.child`.

The job comes on standard input, since arguments and environments can be seen by others. The
process itself records what became of the message: if the daemon is killed meanwhile, its
successor neither sends it again nor loses it.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import signal
import sys
import time
from pathlib import Path
from typing import Any

from crmwire.alerting.addresses import STANDARD_WEBHOOKS, checked_webhook_url
from crmwire.alerting.scrubbing import without_address
from crmwire.errors import CrmwireError


def main() -> int:
    job: dict[str, Any] = json.load(sys.stdin)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        answer = _looked(job["look"]) if "look" in job else _carried_out(job)
    sys.stdout.write(json.dumps(answer))
    return 0


def _carried_out(job: dict[str, Any]) -> dict[str, str]:
    from crmwire.store import Store, alerts

    # Ends the process, which then counts as failed, whatever a library waits for.
    signal.alarm(max(1, int(job["limit"])))
    problem = sent(job)
    signal.alarm(0)
    now = time.time()
    store = Store(Path(job["database"]))
    try:
        if problem is None:
            store.write(lambda db: alerts.notice_sent(db, job["notice"], now))
        else:
            told, retry_at = problem, job["retry_at"]
            which = job["notice"], job["attempt"]
            store.write(lambda db: alerts.notice_failed(db, *which, now, told, retry_at))
    finally:
        store.close()
    return {} if problem is None else {"problem": problem}


def sent(job: dict[str, Any]) -> str | None:
    """Send it once; None if it arrived, else what went wrong, without the address."""
    try:
        if job["kind"] == "webhook":
            return _post(job)
        return _notify(job)
    except CrmwireError as error:
        return without_address(error.message, job["address"])
    except Exception as error:  # noqa: BLE001  (a library of many plugins may raise anything)
        return without_address(f"{type(error).__name__}: {error}", job["address"])


def _post(job: dict[str, Any]) -> str | None:
    from datetime import UTC, datetime

    from crmwire.http import Client, Request
    from crmwire.signatures import sign

    url = checked_webhook_url(job["address"])
    body = json.dumps(job["data"], ensure_ascii=False, separators=(",", ":")).encode()
    headers = sign(
        STANDARD_WEBHOOKS, job["secret"], body, timestamp=datetime.now(UTC), id=job["uid"]
    )
    headers |= {"Content-Type": "application/json", "User-Agent": "crmwire"}
    client = Client()
    try:
        status, _, _ = client.send(
            Request(method="POST", path="", content=body),
            url,
            headers,
            connect=10.0,
            read=20.0,
            called="receiver",
        )
    finally:
        client.close()
    return None if 200 <= status < 300 else f"The receiver answered with status {status}."


def _notify(job: dict[str, Any]) -> str | None:
    from apprise import Apprise, NotifyFormat, NotifyType

    service = _service(job["address"])
    if service is None:
        return "apprise cannot use the address."
    kinds = {"trouble": NotifyType.FAILURE, "digest": NotifyType.WARNING}
    kinds |= {"well": NotifyType.SUCCESS, "test": NotifyType.INFO}
    sender = Apprise(asset=service.asset)
    sender.add(service)
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    log = logging.getLogger("apprise")
    log.addHandler(handler)
    log.setLevel(logging.WARNING)
    try:
        arrived = sender.notify(
            title=job["title"],
            body=job["body"],
            notify_type=kinds[job["event"]],
            body_format=NotifyFormat.TEXT,
        )
    finally:
        log.removeHandler(handler)
    if arrived:
        return None
    lines = [line for line in said.getvalue().splitlines() if line.strip()]
    return without_address(lines[-1] if lines else "It was refused.", job["address"])


def _looked(address: str) -> dict[str, str]:
    service = _service(address)
    return {} if service is None else {"service": str(service.service_name)}


def _service(address: str) -> Any:
    """apprise's object for an address, set up to keep nothing on disk; None if it is unusable."""
    from apprise import Apprise, AppriseAsset, NotifyFormat, PersistentStoreMode

    asset = AppriseAsset(
        app_id="crmwire",
        app_desc="crmwire alerts",
        app_url="",
        storage_mode=PersistentStoreMode.MEMORY,
        secure_logging=True,
        async_mode=False,
    )
    service = Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
    if service is not None and "format=" not in address:
        service.notify_format = NotifyFormat.TEXT
    return service


if __name__ == "__main__":
    sys.exit(main())
