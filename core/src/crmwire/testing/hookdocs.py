"""The reference of all hooks, made from their docstrings: `python -m crmwire.testing.hookdocs`."""

from __future__ import annotations

import inspect
import sys

from crmwire.hooks import PURE
from crmwire.hookspecs import AppSpecs, CrmSpecs, SourceSpecs

_HEAD = """# Hooks

Made from the docstrings of `crmwire.hookspecs` by `python -m crmwire.testing.hookdocs`; a test
holds it up to date. Implementations may leave out arguments they do not need. A hook that is
answered once asks the nearest to the user first (local file, extension, CRM, core) and takes the
first answer that is not `None`.
"""
_PARTS = (
    (CrmSpecs, "Hooks of a connection", "Entry points `crmwire.crm` and `crmwire.extension`."),
    (SourceSpecs, "Hooks of a feed", "Entry point `crmwire.source`."),
    (AppSpecs, "Hooks of the process", "Entry point `crmwire.app`."),
)


def reference() -> str:
    """The page as Markdown."""
    parts = [_HEAD]
    for specs, title, where in _PARTS:
        parts.append(f"\n## {title}\n\n{where}\n")
        for name, hook in vars(specs).items():
            options = getattr(hook, "crmwire_spec", None)
            if options is not None:
                parts.append(_hook(name, hook, first=bool(options["firstresult"])))
    return "".join(parts)


def _hook(name: str, hook: object, *, first: bool) -> str:
    assert callable(hook)
    arguments = ", ".join(list(inspect.signature(hook).parameters)[1:])
    kind = ["answered once" if first else "all are asked"]
    if name in PURE:
        kind.append("pure")
    text = inspect.cleandoc(hook.__doc__ or "")
    return f"\n### `{name}({arguments})`\n\n*{', '.join(kind)}*\n\n{text}\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
