"""The tables of logins, and of those that somebody began."""

from __future__ import annotations

LOGINS = """
CREATE TABLE logins (
    connection INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    number INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    obtained_at REAL NOT NULL,
    expires_at REAL,
    base_url TEXT,
    scopes TEXT NOT NULL,
    lease TEXT,
    lease_until REAL,
    retry_at REAL,
    problem TEXT
);
INSERT INTO logins (connection, kind, number, generation, obtained_at, scopes)
    SELECT c.id, 'static', 1, 1, c.created_at, '[]' FROM connections c
    JOIN secrets s ON s.owner = 'connection/' || c.id AND s.name = 'token';
CREATE TABLE login_states (
    hash BLOB PRIMARY KEY,
    connection INTEGER NOT NULL,
    redirect_uri TEXT NOT NULL,
    settings TEXT NOT NULL,
    number INTEGER NOT NULL,
    browser BLOB,
    expires_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE login_tickets (
    hash BLOB PRIMARY KEY,
    connection INTEGER NOT NULL,
    redirect_uri TEXT NOT NULL,
    settings TEXT NOT NULL,
    number INTEGER NOT NULL,
    browser BLOB,
    expires_at REAL NOT NULL
) WITHOUT ROWID
"""
