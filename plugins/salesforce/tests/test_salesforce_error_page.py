"""The page of errors is up to date, and `crmwire delivery` shows every code as the table has it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner

from crmwire.app import App
from crmwire.cli import cli
from crmwire.demo.environment import surroundings
from crmwire.errors import NeedsLogin
from crmwire.sandbox import Fault, SandboxServer, SandboxSettings
from crmwire_salesforce.error_page import page
from crmwire_salesforce.error_table import TABLE
from crmwire_salesforce.sandbox_app import SalesforceSandbox

PAGE = Path(__file__).parents[3] / "docs/reference/salesforce-errors.md"

IN_QUERIES = {
    "INVALID_QUERY_FILTER_OPERATOR",
    "INVALID_QUERY_LOCATOR",
    "MALFORMED_QUERY",
    "MALFORMED_SEARCH",
    "OPERATION_TOO_LARGE",
    "QUERY_TIMEOUT",
    "QUERY_TOO_COMPLICATED",
}
OF_CALLS = {
    "API_CURRENTLY_DISABLED": 403,
    "API_DISABLED_FOR_ORG": 403,
    "FUNCTIONALITY_NOT_ENABLED": 403,
    "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE": 503,
    "INVALID_AUTH_HEADER": 401,
    "INVALID_SESSION_ID": 401,
    "METHOD_NOT_ALLOWED": 405,
    "REQUEST_LIMIT_EXCEEDED": 403,
    "SERVER_UNAVAILABLE": 503,
    "TXN_SECURITY_NO_ACCESS": 403,
    "UNSUPPORTED_API_VERSION": 400,
}
FOUND = {
    "duplicateResult": {
        "matchResults": [
            {
                "entityType": "Contact",
                "matchRecords": [
                    {
                        "record": {
                            "attributes": {"type": "Contact"},
                            "Id": "003Sb0000000001AAA",
                        }
                    }
                ],
            }
        ]
    }
}


class Troubled:
    """One crmwire with an org for each code, so that no trouble reaches another's lane."""

    def __init__(self, app: App, sandbox: SalesforceSandbox, scene: Any) -> None:
        self.app = app
        self.sandbox = sandbox
        self.scene = scene

    def meet(self, code: str) -> int:
        """Let a booking meet this code; returns the id of its delivery."""
        number = list(TABLE).index(code)
        name = f"org-{number}"
        self.scene.connect(name, token=code, tries=[3600.0])
        self.scene.route("linktime", name, page=name)
        self._arm(code)
        event = self.scene.booking("created", name, page=self.scene.page(name))
        self.scene.accept(event)
        self.scene.drain_once()
        self.sandbox.faults.arm([])
        (row,) = (one for one in self.scene.rows() if one.connection == name)
        return int(row.id)

    def _arm(self, code: str) -> None:
        """Have the sandbox answer so where Salesforce would."""
        if code.startswith(("Bad_", "Missing_")):
            fault = Fault(kind="status", path="composite", status=403, body=[{"errorCode": code}])
            self.sandbox.faults.arm([fault])
            return
        if code.islower():
            body = {"error": code, "error_description": "as the login says"}
            self.sandbox.faults.arm([Fault(kind="status", path="composite", status=400, body=body)])
            return
        where = "query" if code in IN_QUERIES else "call" if code in OF_CALLS else "record"
        more = FOUND if code == "DUPLICATES_DETECTED" else {}
        status = OF_CALLS.get(code, 500 if code == "UNKNOWN_EXCEPTION" else 400)
        body = {"code": code, "where": where, "status": status, "more": more, "times": 100}
        self.scene.admin("refuse", token=code, **body)


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory, scene_class: Any) -> Iterator[Troubled]:
    folder = tmp_path_factory.mktemp("troubled")
    sandbox = SalesforceSandbox(SandboxSettings(tokens=tuple(TABLE)))
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        stack.enter_context(surroundings(folder))
        patch.setenv("CRMWIRE_ALLOW_LOOPBACK", "1")
        url = stack.enter_context(SandboxServer(sandbox)).url
        app = stack.enter_context(App(folder / "home"))
        yield Troubled(app, sandbox, scene_class(app, sandbox, url))
    structlog.reset_defaults()


def test_the_page_is_up_to_date() -> None:
    """If it is not, run what the docstring of `crmwire_salesforce.error_page` says."""
    assert PAGE.read_text("utf-8") == page()


@pytest.mark.parametrize("code", TABLE)
def test_each_code_is_shown_with_its_class_and_remedy(troubled: Troubled, code: str) -> None:
    rule = TABLE[code]
    number = troubled.meet(code)
    run = CliRunner()
    told = run.invoke(cli, ["delivery", str(number)], prog_name="crmwire").output
    kind = rule.failure.kind.replace("_", " ")
    assert f"{kind}: " in told, told
    assert rule.remedy in told
    told = json.loads(run.invoke(cli, ["delivery", str(number), "--json"]).output)
    failures = [entry["failure"] for entry in told["history"] if entry.get("failure")]
    assert failures[-1]["code"] == code
    waits = rule.failure is NeedsLogin or rule.failure.kind == "retry_later"
    assert told["state"] == ("ready" if waits else "held")
    assert f"| `{code}` | {rule.failure.__name__} |" in page()
