"""The tables of what is wrong, whom to tell of it and what was told."""

from __future__ import annotations

ALERTS = """
ALTER TABLE deliveries ADD COLUMN code TEXT;
ALTER TABLE lanes ADD COLUMN code TEXT;
ALTER TABLE connections ADD COLUMN cause TEXT;
CREATE INDEX deliveries_held_why ON deliveries (connection, failure, code, state) WHERE state = 4;
CREATE INDEX deliveries_failing ON deliveries (connection, first_try_at)
    WHERE state = 0 AND failure = 'retry_later';
CREATE INDEX unreadable_received ON unreadable (received_at);
CREATE TABLE alert_targets (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    team TEXT NOT NULL,
    kind TEXT NOT NULL,
    service TEXT NOT NULL,
    digest TEXT NOT NULL,
    created_at REAL NOT NULL,
    digest_at REAL,
    problem TEXT,
    failing_since REAL
);
CREATE TABLE troubles (
    id INTEGER PRIMARY KEY,
    about TEXT NOT NULL,
    kind TEXT NOT NULL,
    team TEXT NOT NULL,
    name TEXT NOT NULL,
    opened_at REAL NOT NULL,
    well_since REAL,
    closed_at REAL,
    ended TEXT
);
CREATE UNIQUE INDEX troubles_open ON troubles (about) WHERE closed_at IS NULL;
CREATE TABLE told (
    target INTEGER NOT NULL,
    trouble INTEGER NOT NULL,
    at REAL NOT NULL,
    ended_at REAL,
    PRIMARY KEY (target, trouble)
) WITHOUT ROWID;
CREATE INDEX told_open ON told (trouble) WHERE ended_at IS NULL;
CREATE TABLE notices (
    id INTEGER PRIMARY KEY,
    target INTEGER NOT NULL,
    event TEXT NOT NULL,
    kind TEXT NOT NULL,
    uid TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at REAL NOT NULL,
    due_at REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    taken_until REAL,
    done_at REAL,
    outcome TEXT,
    problem TEXT
);
CREATE INDEX notices_waiting ON notices (target, id) WHERE done_at IS NULL;
CREATE INDEX notices_created ON notices (created_at);
CREATE TABLE feed_health (
    feed INTEGER PRIMARY KEY,
    refused INTEGER NOT NULL,
    refused_at REAL NOT NULL,
    accepted_at REAL
);
CREATE TABLE checks (
    owner TEXT PRIMARY KEY,
    checked_at REAL NOT NULL,
    next_at REAL NOT NULL,
    state TEXT NOT NULL,
    findings TEXT NOT NULL
) WITHOUT ROWID
"""
