"""What marks a function as the specification of a hook, or as an implementation of one."""

from __future__ import annotations

import pluggy

NAME = "crmwire"
hookspec = pluggy.HookspecMarker(NAME)
hookimpl = pluggy.HookimplMarker(NAME)
