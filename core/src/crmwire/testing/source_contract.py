"""The contract that every source plugin keeps, as a class of tests.

    class TestCalcom(SourceContract):
        plugin = crmwire_calcom
        story = ("booking_created", "booking_rescheduled", "booking_cancelled")

        def samples(self):
            return {path.stem: path.read_bytes() for path in PAYLOADS}

pytest collects the subclass only. What it must give stands in `SourceBase`; the toy source's own
test (`test_toysource_contract.py`) is the shortest example. Webhooks come in over real HTTP. To
leave a check out, override it and say why in the reason of a skip.
"""

from __future__ import annotations

import sys

import pytest

PARTS = ("base", "hooks", "bodies", "signatures", "orders", "api")
_modules = [f"crmwire.testing.source_contract_{part}" for part in PARTS]
# Before they are imported, so that a failed check shows what it compared.
pytest.register_assert_rewrite(*(name for name in _modules if name not in sys.modules))

from crmwire.testing.source_contract_api import ApiChecks  # noqa: E402
from crmwire.testing.source_contract_base import SourceBase  # noqa: E402
from crmwire.testing.source_contract_bodies import BodyChecks  # noqa: E402
from crmwire.testing.source_contract_hooks import SourceHookChecks  # noqa: E402
from crmwire.testing.source_contract_orders import OrderChecks  # noqa: E402
from crmwire.testing.source_contract_signatures import SignatureChecks  # noqa: E402

__all__ = ["SourceBase", "SourceContract"]


class SourceContract(SourceHookChecks, BodyChecks, SignatureChecks, OrderChecks, ApiChecks):
    """All that core relies on in a source plugin."""
