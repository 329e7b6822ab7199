"""The schema of the store, one migration at a time; each is one transaction."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from crmwire.store.migrations.alerts import ALERTS
from crmwire.store.migrations.backfills import BACKFILLS
from crmwire.store.migrations.foundation import FOUNDATION
from crmwire.store.migrations.logins import LOGINS
from crmwire.store.migrations.polls import POLLS

migrations = Migrations("crmwire")
_NEW_GENERATION = "UPDATE meta SET value = hex(randomblob(8)) WHERE name = 'generation'"


def _execute(db: Database, script: str) -> None:
    """Run statements one by one: `executescript` would commit what is open."""
    for statement in script.split(";"):
        db.execute(statement)


@migrations()
def m001_foundation(db: Database) -> None:
    _execute(db, FOUNDATION)


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
    _execute(db, LOGINS)


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
    _execute(db, ALERTS)


@migrations()
def m007_polls(db: Database) -> None:
    """How far each polled feed was read, and how it stands; the questions seen on each page."""
    _execute(db, POLLS)


@migrations()
def m008_backfills(db: Database) -> None:
    """Backfills, how far each has come, and which deliveries they made."""
    _execute(db, BACKFILLS)


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


@migrations()
def m012_left(db: Database) -> None:
    """Skipped and dismissed deliveries are listed, however many were delivered."""
    for name, state in (("skipped", 3), ("dismissed", 5)):
        db.execute(f"CREATE INDEX deliveries_{name} ON deliveries (id) WHERE state = {state}")


@migrations()
def m013_taken_over(db: Database) -> None:
    """Until when a delivery may have been sent: its drain ended amid it, or the clock was set."""
    db.execute("ALTER TABLE deliveries ADD COLUMN sent_until REAL")
