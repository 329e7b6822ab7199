"""The tables of feeds that are asked, and of questions seen on their pages."""

from __future__ import annotations

POLLS = """
CREATE TABLE polls (
    feed INTEGER PRIMARY KEY,
    cursor TEXT NOT NULL DEFAULT 'null',
    due_at REAL NOT NULL,
    asked_at REAL,
    answered_at REAL,
    told INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    failure TEXT,
    problem TEXT,
    remedy TEXT
);
CREATE TABLE questions (
    feed INTEGER NOT NULL,
    page TEXT NOT NULL,
    key TEXT NOT NULL,
    label TEXT,
    type TEXT,
    seen INTEGER NOT NULL DEFAULT 0,
    last_at REAL NOT NULL,
    PRIMARY KEY (feed, page, key)
) WITHOUT ROWID
"""
