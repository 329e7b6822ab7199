"""The demonstration: sandboxes, the daemon and real HTTP; a booking made, moved and cancelled."""

from crmwire.demo.show import run_demo

__all__ = ["run_demo"]
