"""Names that people gave: those that are not known, and those that are taken."""

from __future__ import annotations

from sqlite_utils import Database

from crmwire.errors import ConfigurationError, UnknownName


def unknown(kind: str, name: str, known: list[str], command: str) -> UnknownName:
    """The error that says which names there are."""
    there = f"There are: {', '.join(known)}." if known else f"There is none yet: `{command}`."
    return UnknownName(f"There is no {kind} {name!r}.", remedy=there)


def require_free(db: Database, table: str, name: str) -> None:
    """Raises: ConfigurationError if the name is taken."""
    if db.execute(f"SELECT 1 FROM {table} WHERE name = ?", (name,)).fetchone():
        kind = table.removesuffix("s")
        raise ConfigurationError(
            f"There is a {kind} {name!r} already.",
            remedy=f"Use another name, or remove it first: `crmwire {kind} remove {name}`.",
        )
