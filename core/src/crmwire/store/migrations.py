"""The schema of the store, one migration at a time; each is one transaction."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

migrations = Migrations("crmwire")


def _execute(db: Database, script: str) -> None:
    """Run statements one by one: `executescript` would commit what is open."""
    for statement in script.split(";"):
        if statement.strip():
            db.execute(statement)


@migrations()
def m001_foundation(db: Database) -> None:
    _execute(db, _FOUNDATION)


@migrations()
def m002_installation(db: Database) -> None:
    """An id of this data folder, for ids that outlive it in a CRM."""
    db.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
    db.execute("INSERT INTO meta VALUES ('installation', lower(hex(randomblob(6))))")


@migrations()
def m003_doubts(db: Database) -> None:
    """Open attempts are few, and asked for with each batch."""
    db.execute(
        "CREATE INDEX deliveries_doubt ON deliveries (connection, subject) WHERE attempt_open = 1"
    )


@migrations()
def m004_logins(db: Database) -> None:
    """What is known of each connection's tokens, and logins that somebody began."""
    _execute(db, _LOGINS)


@migrations()
def m005_audit(db: Database) -> None:
    """Who did what, and when; and who is left out of what comes in later."""
    db.execute(
        "CREATE TABLE audit (id INTEGER PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL,"
        " action TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, detail TEXT NOT NULL)"
    )
    db.execute(
        "CREATE TABLE forgotten (subject INTEGER NOT NULL, salt BLOB NOT NULL, hash BLOB NOT NULL,"
        " PRIMARY KEY (subject, salt)) WITHOUT ROWID"
    )


@migrations()
def m006_alerts(db: Database) -> None:
    """What is wrong, whom to tell of it, what was told; and why deliveries, lanes and connections
    stand as they do."""
    _execute(db, _ALERTS)


@migrations()
def m007_polls(db: Database) -> None:
    """How far each polled feed was read, and how it stands; the questions seen on each page."""
    _execute(db, _POLLS)


@migrations()
def m008_backfills(db: Database) -> None:
    """Backfills, how far each has come, and which deliveries they made."""
    _execute(db, _BACKFILLS)


@migrations()
def m009_joins(db: Database) -> None:
    """Routes that ask for it join a booking that was cancelled and one that was made anew."""
    db.execute("ALTER TABLE routes ADD COLUMN join_within REAL")
    db.execute(
        "CREATE TABLE halves (feed INTEGER NOT NULL, key BLOB NOT NULL, half TEXT NOT NULL,"
        " alias TEXT NOT NULL, at REAL NOT NULL, kept_until REAL NOT NULL,"
        " PRIMARY KEY (feed, key, half, alias)) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX halves_kept ON halves (kept_until)")


@migrations()
def m010_generation(db: Database) -> None:
    """What is set up has another generation with each change (see `generations`)."""
    db.execute("INSERT INTO meta VALUES ('generation', hex(randomblob(8)))")
    for name, (table, when) in {
        "feed": ("feeds", ""),
        "route": ("routes", ""),
        "secret": ("secrets", "WHEN {row}.owner LIKE 'feed/%'"),
    }.items():
        for verb, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            db.execute(
                f"CREATE TRIGGER {name}_{verb.lower()} AFTER {verb} ON {table}"
                f" {when.format(row=row)} BEGIN {_NEW_GENERATION}; END"
            )
    db.execute(
        "CREATE TRIGGER connection_lane AFTER UPDATE OF lane ON connections"
        f" BEGIN {_NEW_GENERATION}; END"
    )


@migrations()
def m011_unreadable(db: Database) -> None:
    """How many webhooks of a feed cannot be read is counted with each of them."""
    db.execute("CREATE INDEX unreadable_feed ON unreadable (feed, received_at)")


_NEW_GENERATION = "UPDATE meta SET value = hex(randomblob(8)) WHERE name = 'generation'"


_LOGINS = """
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

_POLLS = """
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

_FOUNDATION = """
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
_ALERTS = """
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

_BACKFILLS = """
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
