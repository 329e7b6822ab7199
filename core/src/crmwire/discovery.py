"""Finding plugins: by the metadata of what is installed, imported only when used."""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterable
from functools import cached_property, lru_cache
from importlib import metadata
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from attrs import field, frozen

from crmwire.errors import PluginBroken, UnknownName

Kind = Literal["crm", "source", "extension", "app"]
KINDS: tuple[Kind, ...] = ("crm", "source", "extension", "app")
DISABLE = "CRMWIRE_DISABLE_PLUGINS"


@frozen(kw_only=True)
class Plugin:
    """One installed plugin; `problem` tells why it cannot be used, if it was found out."""

    kind: Kind
    name: str
    entry_point: EntryPoint = field(repr=False, eq=False)
    problem: str | None = None

    @property
    def distribution(self) -> str:
        """The name of what was installed with it; read from its files when it is asked for."""
        return self.entry_point.dist.name if self.entry_point.dist else "?"

    @property
    def version(self) -> str:
        return self.entry_point.dist.version if self.entry_point.dist else "?"

    def load(self) -> ModuleType:
        """Import it. Raises: PluginBroken."""
        if self.problem:
            raise PluginBroken(
                f"Plugin {self.name} cannot be used: {self.problem}.",
                remedy="Uninstall one of them.",
            )
        try:
            module: ModuleType = self.entry_point.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise PluginBroken(
                f"Plugin {self.name} ({self.distribution} {self.version}) does not load "
                f"({type(error).__name__}: {error}).",
                remedy=f"Update or reinstall {self.distribution}.",
            ) from error
        return module


def entry_points(*, group: str) -> EntryPoints:
    """What installed distributions offer under this name."""
    folders = tuple(sys.path)
    everything = _all_entry_points(folders, tuple(map(_changed, folders)))
    found: EntryPoints = everything.select(group=group)
    return found


@lru_cache(maxsize=1)
def _all_entry_points(folders: tuple[str, ...], changed: tuple[int, ...]) -> Any:
    """Each look reads the metadata of all distributions, so it is done once for all kinds.

    What it returns has a type of its own in Python 3.11, and is `EntryPoints` later.
    """
    return metadata.entry_points()


def _changed(folder: str) -> int:
    """When something was last installed there."""
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0


class Discovery:
    """The plugins of this installation, and an operator's own files."""

    def __init__(self, local_folder: Path | None = None) -> None:
        self._local_folder = local_folder

    @cached_property
    def installed(self) -> tuple[Plugin, ...]:
        """Every plugin that is installed and not disabled, by kind and name."""
        disabled = set(os.environ.get(DISABLE, "").replace(",", " ").split())
        found: dict[tuple[Kind, str], list[EntryPoint]] = {}
        for kind in KINDS:
            for point in entry_points(group=f"crmwire.{kind}"):
                if point.name not in disabled:
                    found.setdefault((kind, point.name), []).append(point)
        return tuple(_plugin(kind, name, points) for (kind, name), points in sorted(found.items()))

    def of_kind(self, kind: Kind) -> list[Plugin]:
        return [plugin for plugin in self.installed if plugin.kind == kind]

    def find(self, kind: Kind, name: str) -> Plugin:
        """Raises: UnknownName, saying what to install."""
        plugins = self.of_kind(kind)
        for plugin in plugins:
            if plugin.name == name:
                return plugin
        names = ", ".join(plugin.name for plugin in plugins) or "none"
        word = "CRM" if kind == "crm" else kind
        raise UnknownName(
            f"There is no {word} plugin {name!r}.",
            remedy=f"Installed: {names}. {self._advice(kind, name)}",
        )

    def _advice(self, kind: Kind, name: str) -> str:
        """What to do about a name that nothing has: nobody installs a slip of the finger."""
        other = next((plugin for plugin in self.installed if plugin.name == name), None)
        if other is not None:
            words = {"crm": "a CRM", "source": "a source", "extension": "an extension"}
            return f"{name} is {words.get(other.kind, 'an app')}."
        known = [plugin.name for plugin in self.of_kind(kind)]
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
        if close:
            return f"Did you mean {close[0]}?"
        return f"Install it with `pip install crmwire-{name}`."

    def local(self, names: Iterable[str]) -> list[tuple[str, ModuleType]]:
        """An operator's one-file plugins, by file name, in the order given.

        Raises: PluginBroken if one is not there or does not load.
        """
        return [(name, self._local(name)) for name in names]

    def local_names(self) -> list[str]:
        """The one-file plugins that lie in the folder."""
        if self._local_folder is None or not self._local_folder.is_dir():
            return []
        return sorted(path.name for path in self._local_folder.glob("*.py"))

    def _local(self, name: str) -> ModuleType:
        folder = self._local_folder
        if folder is None or Path(name).name != name or not name.endswith(".py"):
            raise PluginBroken(f"{name!r} is not the name of a Python file in the plugins folder.")
        path = folder / name
        if not path.is_file():
            raise PluginBroken(
                f"There is no local plugin {name}.", remedy=f"Put the file into {folder}."
            )
        # The name holds the folder, so that two data folders in one process do not mix.
        place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
        module_name = f"crmwire_local_{place}_{path.stem}"
        spec = importlib.util.spec_from_file_location(module_name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            spec.loader.exec_module(module)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise PluginBroken(
                f"The local plugin {path} does not load ({type(error).__name__}: {error}).",
                remedy="Mend the file, or take it out of the connection's settings.",
            ) from error
        return module


def _plugin(kind: Kind, name: str, points: list[EntryPoint]) -> Plugin:
    problem = None
    if len(points) > 1:
        owners = sorted({p.dist.name for p in points if p.dist is not None})
        if len(owners) > 1:
            problem = f"{' and '.join(owners)} both provide {name!r}"
    return Plugin(kind=kind, name=name, entry_point=points[0], problem=problem)
