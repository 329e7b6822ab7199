"""The contract that every CRM plugin keeps, as a class of tests.

    class TestSalesforce(CrmContract):
        plugin = crmwire_salesforce
        person_type = "Contact"
        ...

pytest collects the subclass only. What it must give stands in `ContractBase`; the toy CRM's own
test (`test_toycrm_contract.py`) is the shortest example. All runs against the plugin's sandbox
over real HTTP. To leave a check out, override it and say why in the reason of a skip.
"""

from __future__ import annotations

import sys

import pytest

PARTS = ("base", "batches", "doubts", "failures", "hooks", "logins", "secrets")
_modules = [f"crmwire.testing.contract_{part}" for part in PARTS]
# Before they are imported, so that a failed check shows what it compared.
pytest.register_assert_rewrite(*(name for name in _modules if name not in sys.modules))

from crmwire.testing.contract_base import ContractBase  # noqa: E402
from crmwire.testing.contract_batches import BatchChecks  # noqa: E402
from crmwire.testing.contract_doubts import DoubtChecks  # noqa: E402
from crmwire.testing.contract_failures import FailureChecks  # noqa: E402
from crmwire.testing.contract_hooks import HookChecks  # noqa: E402
from crmwire.testing.contract_logins import LoginChecks  # noqa: E402
from crmwire.testing.contract_secrets import SecretChecks  # noqa: E402

__all__ = ["ContractBase", "CrmContract"]


class CrmContract(HookChecks, BatchChecks, DoubtChecks, FailureChecks, LoginChecks, SecretChecks):
    """All that core relies on in a CRM plugin."""
