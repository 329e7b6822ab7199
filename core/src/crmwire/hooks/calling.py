"""Calling a hook: what fails is somebody's failure, what is answered is of its type."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Any

import pluggy

from crmwire.errors import CrmwireError, Failure, PluginBroken
from crmwire.hooks.managers import chain, culprit


class Face:
    """Calls hooks of one manager; what is not a CrmwireError becomes PluginBroken."""

    def __init__(self, pm: pluggy.PluginManager, owner: str) -> None:
        self.pm = pm
        self._owner = owner
        self.alive: Callable[[], None] = lambda: None

    def chain(self, hook: str) -> list[str]:
        return chain(self.pm, hook)

    def _call(self, hook: str, **arguments: object) -> Any:
        self.alive()
        try:
            return getattr(self.pm.hook, hook)(**arguments)
        except CrmwireError as error:
            error.add_note(f"hook {hook} of {self._owner}")
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise self._broken(hook, error) from error

    def _broken(self, hook: str, error: BaseException) -> PluginBroken:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        name = culprit(self.pm, frames)
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        broken = PluginBroken(
            f"Plugin {name} failed in {hook} ({reason}).",
            remedy=f"Update or remove the plugin {name}; then retry.",
            code=type(error).__name__,
            sent="unknown" if hook == "write_records" else "no",
        )
        broken.add_note(f"hook {hook} of {self._owner}")
        return broken

    def _required(self, hook: str, answer: Any) -> Any:
        if answer is None:
            raise PluginBroken(
                f"No plugin of {self._owner} answers {hook}.",
                remedy="Install the plugin again or update it. If it is your own: has the function "
                "`@hookimpl` before it, and does it return something?",
            )
        return answer

    def _typed(self, hook: str, answer: Any, *kinds: type) -> Any:
        """The answer, if it is of one of these kinds: a forgotten `return` must not pass."""
        if not isinstance(answer, kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise PluginBroken(
                f"{hook} of {self._owner} gave {type(answer).__name__} where {wanted} belongs.",
                remedy="Update the plugin.",
                sent="unknown" if hook == "write_records" else "no",
            )
        return answer

    def _each(self, hook: str, asked: Sequence[object], answer: Any, *kinds: type) -> Any:
        answer = self._typed(hook, self._required(hook, answer), Sequence)
        if len(answer) != len(asked):
            raise PluginBroken(
                f"{hook} of {self._owner} gave {len(answer)} answers to {len(asked)} questions.",
                remedy="Update the plugin.",
                sent="unknown" if hook == "write_records" else "no",
            )
        for one in answer:
            self._typed(hook, one, Failure, *kinds)
        return answer
