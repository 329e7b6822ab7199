"""Make a plugin of your own from a template. It needs Python 3.11 or later and nothing else.

python templates/new_plugin.py crm pipedrive ~/crmwire-pipedrive
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TEMPLATES = {"crm": ("plugin", "acme")}
"""The folder of each kind, and the invented name in it."""
KEY = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.ASCII)
TITLE = re.compile(r"\w[\w .&+-]{0,29}")
LEFT_OUT = re.compile(r"\.|__pycache__$|dist$")
"""What tools leave in a template's folder."""
OF_CORE = {"toy"}


class CannotMake(Exception):
    """What a person gave cannot be used."""


@dataclass(frozen=True)
class Names:
    """How the plugin is called: by people, in code, and as a distribution."""

    key: str
    title: str

    @property
    def dashed(self) -> str:
        return self.key.replace("_", "-")

    @property
    def camel(self) -> str:
        return "".join(part.capitalize() for part in self.key.split("_"))

    def put_into(self, text: str, word: str) -> str:
        """The text with these names where the template has its own."""
        name = word.capitalize()
        text = re.sub(f"(?<=Test){name}|{name}(?=[A-Z])", self.camel, text)
        text = re.sub(f"(?<=crmwire-){word}|{word}(?=\\.example\\.)", self.dashed, text)
        return text.replace(name, self.title).replace(word, self.key)


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0, or 1 if nothing was made."""
    parser = argparse.ArgumentParser(description="Make a crmwire plugin of your own.")
    parser.add_argument("kind", choices=sorted(TEMPLATES), help="what it is a plugin for")
    parser.add_argument("key", help="its short name, as people will type it: pipedrive")
    parser.add_argument("folder", type=Path, help="where it goes; must not be there yet")
    parser.add_argument("--title", help="its name for people, if it is not the key: 'monday.com'")
    given = parser.parse_args(arguments)
    folder = given.folder.expanduser().absolute()
    try:
        names = named(given.key, given.title)
        made = copy(given.kind, names, folder)
    except CannotMake as problem:
        print(f"error: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    print(told(names, folder, made))  # noqa: T201
    return 0


def named(key: str, title: str | None) -> Names:
    """The names to put in. Raises: CannotMake."""
    if not KEY.fullmatch(key) or len(key) > 30:
        raise CannotMake(
            f"{key!r} cannot be a plugin's key: lower-case letters, digits and single underscores, "
            "a letter first, at most 30, such as pipedrive or close_crm."
        )
    if key in OF_CORE or (ROOT / "plugins" / key).exists():
        raise CannotMake(f"There is a plugin {key!r} already; two of one key cannot be installed.")
    title = title or " ".join(part.capitalize() for part in key.split("_"))
    if not TITLE.fullmatch(title):
        raise CannotMake(
            f"{title!r} cannot be a title: letters, digits, blanks and . & + - _, at most 30."
        )
    return Names(key, title)


def copy(kind: str, names: Names, folder: Path) -> list[Path]:
    """Write the template's files under the new names; returns them. Raises: CannotMake."""
    if folder.exists():
        raise CannotMake(f"{folder} is there already. Name a new folder, or remove that one.")
    template, word = HERE / TEMPLATES[kind][0], TEMPLATES[kind][1]
    made = []
    try:
        for path in sorted(template.rglob("*")):
            within = path.relative_to(template)
            if path.is_dir() or any(LEFT_OUT.match(part) for part in within.parts):
                continue
            target = folder / names.put_into(str(within), word)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(names.put_into(path.read_text("utf-8"), word), "utf-8")
            made.append(target)
    except OSError as error:
        raise CannotMake(f"{folder} cannot be written ({error.strerror}).") from error
    return made


def told(names: Names, folder: Path, made: list[Path]) -> str:
    """What was made, and what to do next."""
    core = shlex.quote(f"{ROOT / 'core'}[testing]")
    return "\n".join(
        [
            f"crmwire-{names.dashed} is in {folder} ({len(made)} files). Next:",
            "",
            f"  cd {shlex.quote(str(folder))}",
            f"  python3 -m venv .venv && .venv/bin/pip install -e {core} -e '.[testing]'",
            "  .venv/bin/pytest",
            "",
            "Its tests pass against an invented API; README.md says what to replace, in order.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
