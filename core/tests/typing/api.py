"""Usage that only the type checker runs: the public surface keeps its types."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import crmwire
from crmwire import Failure, RetryLater, hookimpl
from crmwire.connections import Connection
from crmwire.types import Candidates, Query, Record


@hookimpl
def find_records(conn: Connection, queries: Sequence[Query]) -> Sequence[Candidates | Failure]:
    answer = conn.http.get("records", params={"q": "x"})
    found: list[Candidates | Failure] = []
    for query in queries:
        if answer.status == 200:
            record = Record(type=query.types[0], id=str(answer.json()["id"]))
            found.append(Candidates(query=query, records=(record,)))
        else:
            found.append(RetryLater(after=5.0, pause=True))
    return found


def log_in(home: Path) -> str:
    with crmwire.open(home) as app:
        app.prepare_login("crm", crm="hubspot", settings={"client_id": "x"})
        started = app.begin_login("crm", redirect_uri="https://crm.example.com/oauth/callback")
        try:
            made = app.finish_login(f"state={started.state}&code=x")
        except crmwire.LoginFailed as failed:
            return failed.remedy
        return made.report.account_name


def use_as_a_library(home: Path) -> list[int]:
    with crmwire.open(home) as app:
        intake = app.accept("feed", b"{}", {"x-signature": "x"})
        app.add_connection("crm", crm="hubspot", token="x")
        return [one.event_id for one in intake.accepted] + app.retry([1])
