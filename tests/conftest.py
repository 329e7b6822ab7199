"""Options of the long tests."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bookings", type=int, default=50, help="bookings of the soak test")
    parser.addoption("--secrets", type=int, default=200, help="secrets of the vault's tests")
    parser.addoption("--kills", type=int, default=3, help="kills of the rotation's test")
    parser.addoption("--past", type=int, default=120, help="bookings of the backfill test")
    parser.addoption("--restored", type=int, default=24, help="bookings of the restore test")
    parser.addoption("--held", type=int, default=150, help="held ones that are tried again")
    parser.addoption("--waiting", type=int, default=300, help="bookings that wait for a CRM")
    parser.addoption("--kill-seed", type=int, default=20261121, help="its seed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole runs first: several workers then end together instead of waiting for the longest."""
    items.sort(key=lambda item: item.path.parent.name != "e2e")
    items.sort(key=lambda item: item.path.name != "test_soak.py")
