"""The reference of all commands, from their help: `python -m crmwire.testing.commanddocs`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from crmwire.cli import cli

_HEAD = """# Commands

Made from the commands' own help by `python -m crmwire.testing.commanddocs`; a test holds it up to
date. Secrets are read from standard input or a prompt, never from arguments.
"""
_WIDTH = 96


def reference() -> str:
    """The page as Markdown."""
    return _HEAD + "".join(
        f"\n## `{path}`\n\n```text\n{text}\n```\n" for path, text in _pages(cli, "crmwire", None)
    )


def _pages(
    command: click.Command, path: str, parent: click.Context | None
) -> Iterator[tuple[str, str]]:
    name = path.rpartition(" ")[2]
    context = click.Context(
        command, parent=parent, info_name=name, terminal_width=_WIDTH, max_content_width=_WIDTH
    )
    yield path, "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            if found is not None:
                yield from _pages(found, f"{path} {sub}", context)


if __name__ == "__main__":
    sys.stdout.write(reference())
