"""Logins: what is known of each connection's tokens, which stand in the vault; and log-ins begun.

Codes, states and tickets are kept as hashes only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from attrs import frozen
from sqlite_utils import Database

STATIC: Literal["static"] = "static"
"""The kind of a login whose token somebody typed in; the others are grants of OAuth 2."""

NOBODY: Literal["none"] = "none"
"""The kind of a connection that was disconnected, or never logged in."""

Kind = Literal["static", "none", "authorization_code", "client_credentials", "jwt_bearer"]


@frozen(kw_only=True)
class LoginRow:
    """A connection's login; times in seconds since 1970.

    `number` counts logins (and tokens typed in), `generation` access tokens. `problem` tells why
    the last refresh failed: with `retry_at` it passes, without it a person must log in.
    """

    connection: int
    kind: str
    number: int
    generation: int
    obtained_at: float
    expires_at: float | None
    base_url: str | None
    scopes: tuple[str, ...]
    lease: str | None
    lease_until: float | None
    retry_at: float | None
    problem: Mapping[str, Any] | None


@frozen(kw_only=True)
class Begun:
    """A login that somebody began: for which connection, what changes with it, where it ends.

    `number` is the connection's number of logins then: another login since makes it void.
    """

    connection: int
    redirect_uri: str
    settings: Mapping[str, Any]
    number: int
    browser: bytes | None
    expires_at: float


_COLUMNS = (
    "connection, kind, number, generation, obtained_at, expires_at, base_url, scopes, lease,"
    " lease_until, retry_at, problem"
)


def login(db: Database, connection: int) -> LoginRow | None:
    """None for a connection that never had a token."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM logins WHERE connection = ?", (connection,)
    ).fetchone()
    if row is None:
        return None
    return LoginRow(
        connection=row[0],
        kind=row[1],
        number=row[2],
        generation=row[3],
        obtained_at=row[4],
        expires_at=row[5],
        base_url=row[6],
        scopes=tuple(json.loads(row[7])),
        lease=row[8],
        lease_until=row[9],
        retry_at=row[10],
        problem=json.loads(row[11]) if row[11] else None,
    )


def number(db: Database, connection: int) -> int:
    """How often somebody has logged in."""
    row = db.execute("SELECT number FROM logins WHERE connection = ?", (connection,)).fetchone()
    return 0 if row is None else int(row[0])


def logged_in(
    db: Database,
    connection: int,
    kind: Kind,
    now: float,
    *,
    expires_at: float | None = None,
    base_url: str | None = None,
    scopes: Sequence[str] = (),
) -> None:
    """Note that somebody logged in, gave a token, or (kind NOBODY) took it away.

    A refresh that runs meanwhile is not recorded any more.
    """
    db.execute(
        f"INSERT INTO logins ({_COLUMNS}) VALUES (?, ?, 1, 1, ?, ?, ?, ?, NULL, NULL, NULL, NULL)"
        " ON CONFLICT DO UPDATE SET kind = excluded.kind, number = number + 1,"
        " generation = generation + 1, obtained_at = excluded.obtained_at,"
        " expires_at = excluded.expires_at, base_url = excluded.base_url,"
        " scopes = excluded.scopes, lease = NULL, lease_until = NULL, retry_at = NULL,"
        " problem = NULL",
        (connection, kind, now, expires_at, base_url, json.dumps(list(scopes))),
    )
    # It was read as the user before, who may see other fields and have another id.
    db.execute("DELETE FROM cache WHERE connection = ?", (connection,))


def wait_for_login(db: Database, connection: int, crm: str, name: str) -> None:
    """Say of a connection that was just made that nobody has logged in."""
    db.execute(
        "UPDATE connections SET state = 'disconnected', problem = ?, remedy = ? WHERE id = ?",
        ("Nobody has logged in yet.", f"Run `crmwire connect {crm} --name {name}`.", connection),
    )


def forget(db: Database, connection: int) -> None:
    """Remove what is known of a login, and logins begun."""
    db.execute("DELETE FROM logins WHERE connection = ?", (connection,))
    forget_begun(db, connection)


def forget_begun(db: Database, connection: int) -> None:
    """Make void what somebody began and has not finished."""
    for table in ("login_states", "login_tickets"):
        for (hashed,) in db.execute(
            f"SELECT hash FROM {table} WHERE connection = ?", (connection,)
        ).fetchall():
            _remove(db, table, hashed)


def remove_secrets(db: Database, owner: str, names: Sequence[str] | None = None) -> None:
    """Remove an owner's secrets of these names, or all."""
    if names is None:
        db.execute("DELETE FROM secrets WHERE owner = ?", (owner,))
        return
    marks = ", ".join("?" * len(names))
    db.execute(f"DELETE FROM secrets WHERE owner = ? AND name IN ({marks})", (owner, *names))


# ---------------------------------------------------------------- refreshing, one at a time


def take_lease(
    db: Database, connection: int, generation: int, holder: str, now: float, until: float
) -> bool:
    """Reserve the refresh of this generation; False if another has it or has done it.

    Leases that end by `now` are over.
    """
    row = db.execute(
        "UPDATE logins SET lease = ?, lease_until = ? WHERE connection = ? AND generation = ?"
        " AND (lease IS NULL OR lease = ? OR lease_until <= ?) RETURNING 1",
        (holder, until, connection, generation, holder, now),
    ).fetchone()
    return row is not None


def refreshed(
    db: Database,
    connection: int,
    generation: int,
    now: float,
    *,
    expires_at: float | None,
    base_url: str | None,
    scopes: Sequence[str],
) -> bool:
    """Note that a token of this generation was replaced; False if the login is another by now."""
    row = db.execute(
        "UPDATE logins SET generation = generation + 1, obtained_at = ?, expires_at = ?,"
        " base_url = coalesce(?, base_url), scopes = CASE ? WHEN '[]' THEN scopes ELSE ? END,"
        " lease = NULL, lease_until = NULL, retry_at = NULL, problem = NULL"
        " WHERE connection = ? AND generation = ? RETURNING 1",
        (
            now,
            expires_at,
            base_url,
            *[json.dumps(list(scopes))] * 2,
            connection,
            generation,
        ),
    ).fetchone()
    return row is not None


def not_refreshed(
    db: Database,
    connection: int,
    generation: int,
    holder: str,
    *,
    problem: Mapping[str, Any],
    retry_at: float | None,
) -> None:
    """Give the lease back and note why; without `retry_at` nothing is tried until a new login."""
    db.execute(
        "UPDATE logins SET lease = NULL, lease_until = NULL, problem = ?, retry_at = ?"
        " WHERE connection = ? AND generation = ? AND lease = ?",
        (json.dumps(problem), retry_at, connection, generation, holder),
    )


def give_back(db: Database, connection: int, holder: str) -> None:
    """Give the lease back and note nothing."""
    db.execute(
        "UPDATE logins SET lease = NULL, lease_until = NULL WHERE connection = ? AND lease = ?",
        (connection, holder),
    )


def forget_problem(db: Database, connection: int) -> None:
    """Let a login that failed be tried once more."""
    db.execute(
        "UPDATE logins SET problem = NULL, retry_at = NULL WHERE connection = ?", (connection,)
    )


# ---------------------------------------------------------------- logins begun


def hashed(secret: str) -> bytes:
    """A random secret as it is stored: it needs no salt."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def owner_of(hashed_secret: bytes) -> str:
    """Whose secrets those of a login begun are in the vault."""
    return f"login/{hashed_secret.hex()}"


def begin(
    db: Database,
    table: Literal["login_states", "login_tickets"],
    key: bytes,
    begun: Begun,
    now: float,
) -> None:
    """Keep a login begun, and drop those that expired long ago."""
    remove_expired(db, now)
    db.execute(
        f"INSERT INTO {table} (hash, connection, redirect_uri, settings, number, browser,"
        " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            key,
            begun.connection,
            begun.redirect_uri,
            json.dumps(begun.settings),
            begun.number,
            begun.browser,
            begun.expires_at,
        ),
    )


def look(db: Database, table: Literal["login_states", "login_tickets"], key: bytes) -> Begun | None:
    row = db.execute(
        f"SELECT connection, redirect_uri, settings, number, browser, expires_at FROM {table}"
        " WHERE hash = ?",
        (key,),
    ).fetchone()
    if row is None:
        return None
    return Begun(
        connection=row[0],
        redirect_uri=row[1],
        settings=json.loads(row[2]),
        number=row[3],
        browser=row[4],
        expires_at=row[5],
    )


def take(db: Database, table: Literal["login_states", "login_tickets"], key: bytes) -> Begun | None:
    """A login begun, which is thereby used up; its secrets stay until `remove_secrets`."""
    begun = look(db, table, key)
    db.execute(f"DELETE FROM {table} WHERE hash = ?", (key,))
    return begun


_KEPT_EXPIRED = 3600.0
"""Seconds for which an expired state is known, so that it can be said that it expired."""


def remove_expired(db: Database, now: float) -> None:
    """Drop logins begun that expired an hour ago or earlier, with their secrets."""
    for table in ("login_states", "login_tickets"):
        for (key,) in db.execute(
            f"SELECT hash FROM {table} WHERE expires_at < ?", (now - _KEPT_EXPIRED,)
        ).fetchall():
            _remove(db, table, key)


def _remove(db: Database, table: str, key: bytes) -> None:
    db.execute(f"DELETE FROM {table} WHERE hash = ?", (key,))
    remove_secrets(db, owner_of(key))


# ---------------------------------------------------------------- lost


def lost(db: Database, connection: int, login_number: int, *, problem: str, remedy: str) -> bool:
    """Say that a connection needs a login, unless somebody logged in since the refusal."""
    row = db.execute(
        "UPDATE connections SET state = 'needs_login', problem = ?, remedy = ?,"
        " paused_until = NULL, cause = NULL WHERE id = ? AND state IN ('ok', 'needs_login')"
        " AND coalesce((SELECT number FROM logins WHERE connection = id), 0) = ? RETURNING 1",
        (problem, remedy, connection, login_number),
    ).fetchone()
    return row is not None
