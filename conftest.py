"""What holds for all tests, wherever they lie."""

from __future__ import annotations

import signal
import sys

# Started in the background by a shell, a program is told to ignore Ctrl-C, and so are the daemons
# that the tests start and then end with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure() -> None:
    """Close the connections to sandboxes that the process's client has kept open."""
    if "crmwire.http.client" in sys.modules:
        sys.modules["crmwire.http.client"].shared_client().close()
