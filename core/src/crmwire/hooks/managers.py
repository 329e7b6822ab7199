"""Managers of plugins: who answers a hook, and whose code failed."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable
from types import FrameType, ModuleType

import pluggy

from crmwire import hookspecs
from crmwire.errors import ConfigurationError, PluginBroken

Named = tuple[str, object]


def manager(specs: type, plugins: Iterable[Named]) -> pluggy.PluginManager:
    """A manager with these plugins, the last one nearest to the user.

    Raises: PluginBroken if one implements a hook that does not exist, or with other arguments.
    """
    pm = pluggy.PluginManager(hookspecs.NAME)
    pm.add_hookspecs(specs)
    for name, plugin in plugins:
        try:
            pm.register(plugin, name)
            pm.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginBroken(
                f"Plugin {name} does not fit: {error}", remedy=_meant(specs, str(error))
            ) from error
    return pm


def _meant(specs: type, problem: str) -> str:
    """Which hook may be meant by one that does not exist."""
    unknown = re.match(r"unknown hook '(\w+)'", problem)
    near = difflib.get_close_matches(unknown[1], vars(specs), 1) if unknown else ()
    return f"Is `{near[0]}` meant?" if near else ""


def chain(pm: pluggy.PluginManager, hook: str) -> list[str]:
    """The names of the plugins that answer this hook, in the order they are asked."""
    caller = getattr(pm.hook, hook, None)
    if caller is None:
        raise ConfigurationError(f"There is no hook {hook!r}.")
    return [impl.plugin_name for impl in reversed(caller.get_hookimpls())]


def culprit(pm: pluggy.PluginManager, frames: Iterable[FrameType]) -> str:
    """The plugin in whose code these frames (outermost first) were last, or crmwire itself."""
    modules = {}
    for name, plugin in pm.list_name_plugin():
        module = plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__module__
        modules[module] = name
    found = "crmwire"
    for frame in frames:
        module = frame.f_globals.get("__name__", "")
        while module:
            if module in modules:
                found = modules[module]
                break
            module = module.rpartition(".")[0]
    return found


def culprit_of_thread(pm: pluggy.PluginManager, thread_id: int) -> str:
    """The plugin in whose code a running thread is now."""
    frame = sys._current_frames().get(thread_id)
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return culprit(pm, reversed(frames))
