"""The table of backfills."""

from __future__ import annotations

BACKFILLS = """
CREATE TABLE backfills (
    id INTEGER PRIMARY KEY,
    route INTEGER NOT NULL,
    past TEXT NOT NULL,
    since REAL NOT NULL,
    adopt INTEGER NOT NULL,
    cursor TEXT NOT NULL,
    counts TEXT NOT NULL,
    total INTEGER,
    started_at REAL NOT NULL,
    finished_at REAL
);
ALTER TABLE deliveries ADD COLUMN backfill INTEGER;
CREATE INDEX deliveries_backfill ON deliveries (backfill, state) WHERE backfill IS NOT NULL
"""
