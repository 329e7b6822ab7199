"""The tables that everything began with: set-up, subjects, events, the queue."""

from __future__ import annotations

FOUNDATION = """
CREATE TABLE feeds (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    team TEXT NOT NULL,
    source TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    settings TEXT NOT NULL,
    allow_unsigned INTEGER NOT NULL,
    since REAL,
    created_at REAL NOT NULL,
    removed_at REAL
);
CREATE TABLE connections (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    team TEXT NOT NULL,
    crm TEXT NOT NULL,
    lane TEXT NOT NULL,
    settings TEXT NOT NULL,
    report TEXT,
    state TEXT NOT NULL DEFAULT 'ok',
    problem TEXT,
    remedy TEXT,
    paused_until REAL,
    created_at REAL NOT NULL
);
CREATE TABLE secrets (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    key_id TEXT NOT NULL,
    blob BLOB NOT NULL,
    PRIMARY KEY (owner, name)
) WITHOUT ROWID;
CREATE TABLE lanes (
    name TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL DEFAULT 0,
    paused_until REAL,
    reason TEXT
) WITHOUT ROWID;
CREATE TABLE routes (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    team TEXT NOT NULL,
    feed INTEGER NOT NULL REFERENCES feeds(id),
    page TEXT NOT NULL,
    connection INTEGER NOT NULL REFERENCES connections(id),
    preset TEXT NOT NULL,
    mapping TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    options TEXT NOT NULL,
    rows TEXT NOT NULL,
    zone TEXT,
    since REAL NOT NULL,
    removed_at REAL
);
CREATE UNIQUE INDEX routes_name ON routes (name) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX routes_place ON routes (feed, page, connection) WHERE removed_at IS NULL;
CREATE TABLE subjects (
    id INTEGER PRIMARY KEY,
    feed INTEGER NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    current TEXT NOT NULL,
    details TEXT NOT NULL,
    merged_into INTEGER
);
CREATE TABLE aliases (
    feed INTEGER NOT NULL,
    alias TEXT NOT NULL,
    subject INTEGER NOT NULL,
    ended TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (feed, alias)
) WITHOUT ROWID;
CREATE INDEX aliases_subject ON aliases (subject);
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    feed INTEGER NOT NULL,
    dedupe BLOB NOT NULL,
    subject INTEGER,
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    occurred_at REAL NOT NULL,
    received_at REAL NOT NULL,
    late INTEGER NOT NULL DEFAULT 0,
    ignored TEXT,
    event TEXT NOT NULL,
    snapshot TEXT,
    UNIQUE (feed, dedupe)
);
CREATE INDEX events_subject ON events (subject);
CREATE TABLE unreadable (
    id INTEGER PRIMARY KEY,
    feed INTEGER NOT NULL,
    received_at REAL NOT NULL,
    reason TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    event INTEGER NOT NULL REFERENCES events(id),
    subject INTEGER NOT NULL,
    connection INTEGER NOT NULL,
    route INTEGER NOT NULL,
    state INTEGER NOT NULL,
    due_at REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    first_try_at REAL,
    epoch INTEGER NOT NULL DEFAULT 0,
    again INTEGER NOT NULL DEFAULT 0,
    attempt TEXT,
    attempt_open INTEGER NOT NULL DEFAULT 0,
    sent_at REAL,
    reason TEXT,
    remedy TEXT,
    failure TEXT,
    chosen TEXT,
    changed_at REAL NOT NULL
);
CREATE INDEX deliveries_ready ON deliveries (connection, due_at, id) WHERE state = 0;
CREATE INDEX deliveries_open ON deliveries (connection, subject, id) WHERE state < 2;
CREATE INDEX deliveries_working ON deliveries (connection) WHERE state = 1;
CREATE INDEX deliveries_held ON deliveries (connection, id) WHERE state = 4;
CREATE INDEX deliveries_subject ON deliveries (subject);
CREATE INDEX deliveries_event ON deliveries (event);
CREATE TABLE history (
    id INTEGER PRIMARY KEY,
    delivery INTEGER NOT NULL,
    at REAL NOT NULL,
    state TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX history_delivery ON history (delivery);
CREATE TABLE links (
    connection INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    role TEXT NOT NULL,
    item TEXT NOT NULL,
    type TEXT NOT NULL,
    record TEXT NOT NULL,
    version INTEGER NOT NULL,
    url TEXT,
    retired INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (connection, subject, role, item)
) WITHOUT ROWID;
CREATE INDEX links_record ON links (connection, type, record);
CREATE INDEX links_subject ON links (subject);
CREATE TABLE progress (
    connection INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (connection, subject)
) WITHOUT ROWID;
CREATE INDEX progress_subject ON progress (subject);
CREATE TABLE created (
    lane TEXT NOT NULL,
    type TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    record TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (lane, type, key, value)
) WITHOUT ROWID;
CREATE INDEX created_record ON created (lane, type, record);
CREATE TABLE cache (
    connection INTEGER NOT NULL,
    key TEXT NOT NULL,
    expires_at REAL NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (connection, key)
) WITHOUT ROWID;
CREATE TABLE counters (
    connection INTEGER NOT NULL,
    state INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (connection, state)
) WITHOUT ROWID
"""
