"""Re:lation's plugin keeps the contract of sources."""

from __future__ import annotations

from typing import ClassVar

import crmwire_relation
from crmwire.sandbox import Sandbox, SandboxSettings
from crmwire.testing.source_contract import SourceContract
from crmwire.testing.source_contract_base import TOKEN
from crmwire_relation.sandbox_app import RelationSandbox


class TestRelation(SourceContract):
    plugin = crmwire_relation
    settings: ClassVar = {"subdomain": "example", "inbox": 7}

    def made_sandbox(self) -> Sandbox | None:
        sandbox = RelationSandbox(SandboxSettings(tokens=(TOKEN,), options={"limit": "100000"}))
        sandbox.write(1, **{"from": "Ada Example <ada@example.com>"})
        sandbox.write(1, action_cd="sent", to="ada@example.com")
        sandbox.write(2, method_cd="record", record={"customer_emails": ["bob@example.com"]})
        sandbox.write(3, method_cd="tweet")
        return sandbox
