"""What is installed, whether it loads, and who answers a hook."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from crmwire.cli.output import print_json, print_table, say
from crmwire.cli.state import State, pass_state
from crmwire.errors import ConfigurationError, PluginBroken

if TYPE_CHECKING:
    import pluggy

    from crmwire.discovery import Discovery


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def plugins(state: State, as_json: bool) -> None:
    """List what is installed, and what of it loads."""
    from crmwire.discovery import DISABLE, Discovery

    state.configure_logs()
    found = list(_found(Discovery(state.folder / "plugins")))
    disabled = os.environ.get(DISABLE, "").replace(",", " ").split()
    if as_json:
        print_json({"plugins": found, "disabled": disabled})
        return
    if found:
        print_table(
            ("KIND", "NAME", "FROM", "VERSION", "LOADS"),
            [
                (one["kind"], one["name"], one["from"], one["version"], one["problem"] or "yes")
                for one in found
            ],
        )
    else:
        say("No plugin is installed: `pip install crmwire-salesforce`, for example.")
    if disabled:
        say(f"Disabled by {DISABLE}: {', '.join(disabled)}.")


def _found(discovery: Discovery) -> Iterator[dict[str, Any]]:
    """Every plugin, loaded and held against the hooks of its kind."""
    from crmwire.hooks import manager
    from crmwire.hookspecs import AppSpecs, CrmSpecs, SourceSpecs

    specs = {"source": SourceSpecs, "app": AppSpecs}
    for plugin in discovery.installed:
        problem = None
        try:
            pm = manager(specs.get(plugin.kind, CrmSpecs), [(plugin.name, plugin.load())])
            if plugin.kind == "crm":
                problem = _missing(plugin.name, pm)
        except PluginBroken as error:
            problem = str(error)
        yield {
            "kind": plugin.kind,
            "name": plugin.name,
            "from": plugin.distribution,
            "version": plugin.version,
            "loads": problem is None,
            "problem": problem,
        }
    for name in discovery.local_names():
        problem = None
        try:
            manager(CrmSpecs, discovery.local([name]))
        except PluginBroken as error:
            problem = str(error)
        yield {
            "kind": "local",
            "name": name,
            "from": "the data folder",
            "version": None,
            "loads": problem is None,
            "problem": problem,
        }


def _missing(key: str, pm: pluggy.PluginManager) -> str | None:
    """What a CRM plugin lacks that core cannot do without. Raises: PluginBroken."""
    from crmwire.hooks import Hooks
    from crmwire.hookspecs import NEEDED

    lacking = [name for name in NEEDED if not getattr(pm.hook, name).get_hookimpls()]
    if lacking:
        return f"It has no hook {' and no '.join(lacking)}; a CRM plugin must have {len(NEEDED)}."
    said = Hooks(pm, f"plugin {key}").crm_info().key
    return None if said == key else f"Its entry point is called {key}, but crm_info says {said}."


@click.command()
@click.argument("connection")
@click.argument("hook", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def explain(state: State, connection: str, hook: str | None, as_json: bool) -> None:
    """Tell which plugins answer a hook.

    They are told in the order in which the connection asks them. Without HOOK, all hooks are told.
    """
    with state.app() as app:
        conn = app.openings.connection(app.store.connection(connection))
        names = _hooks()
        if hook is not None and hook not in names:
            raise ConfigurationError(
                f"There is no hook {hook!r}.", remedy=f"Hooks: {', '.join(sorted(names))}."
            )
        chains = {name: _chain(conn.hooks.pm, name) for name in ([hook] if hook else names)}
    if as_json:
        print_json([{"hook": name, "answers": chain} for name, chain in chains.items()])
    elif hook is not None:
        say(_manner(hook, names[hook], len(chains[hook])))
        for number, one in enumerate(chains[hook], start=1):
            say(f"{number}. {_told(one)}")
    else:
        print_table(
            ("HOOK", "ANSWERED BY"),
            [(name, ", then ".join(map(_told, chain))) for name, chain in chains.items()],
        )


def _hooks() -> dict[str, bool]:
    """The hooks of a connection by name, and whether the first answer counts."""
    from crmwire.hookspecs import NAME, CrmSpecs

    marked = {name: getattr(spec, f"{NAME}_spec", None) for name, spec in vars(CrmSpecs).items()}
    return {name: bool(spec["firstresult"]) for name, spec in marked.items() if spec}


def _chain(pm: pluggy.PluginManager, hook: str) -> list[dict[str, Any]]:
    implementations = reversed(getattr(pm.hook, hook).get_hookimpls())
    return [
        {"plugin": one.plugin_name, "wraps": bool(one.wrapper or one.hookwrapper)}
        for one in implementations
    ]


def _manner(hook: str, first: bool, number: int) -> str:
    if not number:
        return f"Nobody answers {hook}."
    return f"{hook}: {'the first answer counts' if first else 'all are called'}."


def _told(one: dict[str, Any]) -> str:
    return f"{one['plugin']} (wraps the others)" if one["wraps"] else str(one["plugin"])
