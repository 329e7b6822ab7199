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

from crmwire.testing.contract_base import ContractBase
from crmwire.testing.contract_batches import BatchChecks
from crmwire.testing.contract_doubts import DoubtChecks
from crmwire.testing.contract_failures import FailureChecks
from crmwire.testing.contract_hooks import HookChecks
from crmwire.testing.contract_secrets import SecretChecks

__all__ = ["ContractBase", "CrmContract"]


class CrmContract(HookChecks, BatchChecks, DoubtChecks, FailureChecks, SecretChecks):
    """All that core relies on in a CRM plugin."""
