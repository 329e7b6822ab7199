"""What plugin authors test with."""

from crmwire.testing.connect import connect

__all__ = ["connect"]
