"""The page of errors is up to date, and `crmwire delivery` shows every code as the table has it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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
from crmwire.vocabulary import Booking
from crmwire_salesforce.error_page import page
from crmwire_salesforce.error_table import TABLE
from crmwire_salesforce.sandbox_app import SalesforceSandbox

PAGE = Path(__file__).parents[3] / "docs/reference/salesforce-errors.md"

START = datetime(2027, 1, 4, 15, tzinfo=UTC)
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
    "FUNCTIONALITY_NOT_ENABLED": 403,
    "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE": 503,
    "INVALID_AUTH_HEADER": 401,
    "METHOD_NOT_ALLOWED": 405,
    "SERVER_UNAVAILABLE": 503,
    "TXN_SECURITY_NO_ACCESS": 403,
    "UNSUPPORTED_API_VERSION": 400,
}
NATURAL: dict[str, list[dict[str, Any]]] = {
    "API_DISABLED_FOR_ORG": [{"action": "set_api_access", "enabled": False}],
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": [
        {"action": "set_validation_rule", "type": "Contact", "field": "Department"}
    ],
    "INSUFFICIENT_ACCESS_OR_READONLY": [
        {"action": "set_object_rights", "type": "Contact", "createable": False}
    ],
    "INVALID_FIELD": [{"action": "hide_field", "type": "Contact", "field": "FirstName"}],
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": [
        {
            "action": "restrict_picklist",
            "type": "Contact",
            "field": "LeadSource",
            "options": ["Web"],
        }
    ],
    "INVALID_TYPE": [{"action": "set_object_rights", "type": "Contact", "readable": False}],
    "REQUIRED_FIELD_MISSING": [
        {"action": "set_required_field", "type": "Contact", "field": "Region__c"}
    ],
    "DUPLICATE_VALUE": [
        {"action": "add_field", "type": "Contact", "field": "Code__c", "unique": True},
        {
            "action": "create_record",
            "type": "Contact",
            "fields": {"LastName": "Other", "Code__c": "one"},
        },
    ],
}
"""What an admin did in the org, so that the sandbox answers so by itself."""
MAPPED: dict[str, tuple[str, str, str]] = {
    "DUPLICATE_VALUE": ("person", "Code__c", "one"),
    "INVALID_FIELD_FOR_INSERT_UPDATE": ("person", "Name", "Ann Roe"),
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": ("person", "LeadSource", "Nowhere"),
    "JSON_PARSER_ERROR": ("activity", "ReminderDateTime", "soon"),
    "MALFORMED_ID": ("person", "AccountId", "nonsense"),
    "STRING_TOO_LONG": ("person", "Title", "x" * 129),
}
"""What the mapping writes, so that the sandbox answers so."""
BOOKED: dict[str, dict[str, Any]] = {
    "FIELD_INTEGRITY_EXCEPTION": {"booking": Booking(start=START, end=START + timedelta(days=3))},
    "INVALID_EMAIL_ADDRESS": {"email": "no address"},
}
"""What was booked, so that the sandbox answers so."""
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


def token_of(code: str) -> str:
    """A token of the org that answers so; secrets are never shown, so it does not name the code."""
    return f"token-{list(TABLE).index(code)}-of-an-org"


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
        self.scene.connect(name, token=token_of(code), tries=[3600.0])
        preset = self.app.preset(name, "linktime")
        if code in MAPPED:
            role, field, value = MAPPED[code]
            fields = preset[role]["fields"]
            fields = fields["Contact"] if role == "person" else fields
            fields[field] = {"value": value, "write": "on_create"} if role == "person" else value
        self.scene.route("linktime", name, page=name, mapping=preset)
        self._arm(code)
        details = {"page": self.scene.page(name), **BOOKED.get(code, {})}
        event = self.scene.booking("created", name, **details)
        self.scene.accept(event)
        self.scene.drain_once()
        self.sandbox.faults.arm([])
        (row,) = (one for one in self.scene.rows() if one.connection == name)
        return int(row.id)

    def _arm(self, code: str) -> None:
        """Have the sandbox answer so where Salesforce would: by itself where that can be."""
        org = self.sandbox.orgs[token_of(code)]
        for action in NATURAL.get(code, ()):
            self.scene.admin(token=token_of(code), **action)
        if code == "INVALID_SESSION_ID":
            self.scene.admin("deactivate_user", token=token_of(code), id=org.user_id)
        if code == "REQUEST_LIMIT_EXCEEDED":
            org.daily_limit = org.used
        if code in {*NATURAL, *MAPPED, *BOOKED} | {
            "INVALID_SESSION_ID",
            "REQUEST_LIMIT_EXCEEDED",
        }:
            return
        if code.startswith(("Bad_", "Missing_")):
            fault = Fault(kind="status", path="composite", status=403, body=[{"errorCode": code}])
            self.sandbox.faults.arm([fault])
            return
        where = "query" if code in IN_QUERIES else "call" if code in OF_CALLS else "record"
        more = FOUND if code == "DUPLICATES_DETECTED" else {}
        status = OF_CALLS.get(code, 500 if code == "UNKNOWN_EXCEPTION" else 400)
        body = {"code": code, "where": where, "status": status, "more": more, "times": 100}
        self.scene.admin("refuse", token=token_of(code), **body)


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory, scene_class: Any) -> Iterator[Troubled]:
    folder = tmp_path_factory.mktemp("troubled")
    sandbox = SalesforceSandbox(SandboxSettings(tokens=tuple(map(token_of, TABLE))))
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
    assert f"{kind} ({code}): " in told, told
    assert rule.remedy in told
    told = json.loads(run.invoke(cli, ["delivery", str(number), "--json"]).output)
    failures = [entry["failure"] for entry in told["history"] if entry.get("failure")]
    assert failures[-1]["code"] == code
    waits = rule.failure is NeedsLogin or rule.failure.kind == "retry_later"
    assert told["state"] == ("ready" if waits else "held")
    assert f"| `{code}` | {rule.failure.__name__} |" in page()
