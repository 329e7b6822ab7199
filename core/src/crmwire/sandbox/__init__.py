"""What the vendors' sandboxes share: accounts, faults, request and commit logs, a viewer."""

from crmwire.sandbox.accounts import Account, TimelineEntry, TimelinePerson
from crmwire.sandbox.base import Sandbox
from crmwire.sandbox.faults import Fault
from crmwire.sandbox.logins import CLIENT_ID, CLIENT_SECRET, LoginApp, LoginBook, LoginPolicy
from crmwire.sandbox.server import SandboxServer, serve
from crmwire.sandbox.settings import SandboxSettings

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "Account",
    "Fault",
    "LoginApp",
    "LoginBook",
    "LoginPolicy",
    "Sandbox",
    "SandboxServer",
    "SandboxSettings",
    "TimelineEntry",
    "TimelinePerson",
    "serve",
]
