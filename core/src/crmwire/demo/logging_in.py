"""Connecting a sandbox as a person does, by its login pages; the demonstration is the browser."""

from __future__ import annotations

import contextlib
import threading
import urllib.request
from typing import TYPE_CHECKING

from crmwire.logins.loopback import Loopback
from crmwire.sandbox.loginpage import press
from crmwire.sandbox.logins import CLIENT_ID, CLIENT_SECRET

if TYPE_CHECKING:
    from crmwire.app import App
    from crmwire.setting_up.logins import Connected

PATIENCE = 20.0


def log_in(app: App, name: str, crm: str, url: str) -> Connected | None:
    """Log a connection in at a sandbox; None if its CRM has no login pages.

    Raises: LoginFailed, a Failure as the sandbox refused it, NoForm if it shows a problem.
    """
    settings = {"host": url, "login_host": url, "client_id": CLIENT_ID}
    conn = app.openings.trial(name, crm, settings)
    conn.close()
    if conn.scheme.oauth is None or "authorization_code" not in conn.scheme.oauth.grants:
        return None
    app.prepare_login(name, crm=crm, settings=settings)
    with Loopback(0) as waiting:
        started = app.begin_login(
            name,
            redirect_uri=waiting.redirect_uri,
            settings=settings,
            secrets={"client_secret": CLIENT_SECRET},
        )
        back = press(started.address)
        browser = threading.Thread(target=_come_back, args=(back,), daemon=True)
        browser.start()
        made = waiting.wait(
            started.state, app.finish_login, timeout=PATIENCE, done=lambda one: one.summary
        )
        browser.join(PATIENCE)
    return made


def _come_back(address: str) -> None:
    """Follow the vendor's redirect to this machine, as a browser does."""
    with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=PATIENCE) as answer:  # noqa: S310  (our own address)
        answer.read()
