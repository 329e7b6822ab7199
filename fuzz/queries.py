"""Hostile names and addresses, through the real look-ups against the sandboxes.

Of every value one record stands in the CRM, made by the plugin itself, beside some that a query
whose meaning was changed would find too. The look-up must give that record and no other; where
the CRM refuses to store the value, it must give nothing.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from crmwire.connections import Connection
from crmwire.discovery import Discovery
from crmwire.errors import Failure
from crmwire.hooks import manager
from crmwire.hookspecs import CrmSpecs
from crmwire.hosts import LOOPBACK_SWITCH
from crmwire.sandbox import SandboxServer, SandboxSettings
from crmwire.testing.clock import HurryingClock
from crmwire.testing.connect import connect
from crmwire.types import Candidates, Query, Write, Written
from fuzz.tally import Tally

BATCH = 50
PARTS = (
    "'", '"', "\\", "\\'", "''", "' OR '1'='1", "' OR Name != '", "%", "_", "*", "?", ")", "(",
    "') OR (Id != '", "-- ", "/*", "*/", "#", ";", "\n", "\r\n", "\t", "\x0b", "\u2028", "\u0000",
    "\\n", "\\u0027", "%27", "&#39;", "&amp;", "<b>", "{{ 7 }}", "${x}", "$or", '{"$ne": null}',
    '"}]}', "null", "NULL", "true", ":a", "@", "é", "e\u0301", "ß", "İ", "ﬁ", "日本", "‮", "\u200d",
    "+", "=", "|", "&", "~", "^", "[", "]", "{", "}", "<", ">", "!", " AND ", " LIMIT 1",
    " IN (", "LIKE '%'", "1' UNION SELECT Id FROM User", "O'Brien", "D’Arcy", "Robert'); DROP",
)  # fmt: skip
HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
DECOYS = ("Plain", "O", "Decoy", "Anybody")


@frozen(kw_only=True)
class Way:
    """One way in which a CRM's records are looked up."""

    crm: str
    type: str
    key: str
    role: str = "person"
    is_address: bool = False
    required: Mapping[str, str]


WAYS = (
    Way(crm="salesforce", type="Contact", key="LastName", required={}),
    Way(crm="salesforce", type="Contact", key="Email", is_address=True,
        required={"LastName": "Example"}),
    Way(crm="salesforce", type="Lead", key="Company", required={"LastName": "Example"}),
    Way(crm="salesforce", type="Account", key="Name", role="company", required={}),
    Way(crm="salesforce", type="Account", key="Website", role="company",
        required={"Name": "Example"}),
    Way(crm="hubspot", type="contacts", key="email", is_address=True, required={}),
    Way(crm="hubspot", type="companies", key="name", role="company", required={}),
    Way(crm="hubspot", type="companies", key="domain", role="company", required={}),
    Way(crm="attio", type="people", key="email_addresses", is_address=True, required={}),
    Way(crm="attio", type="companies", key="name", role="company", required={}),
    Way(crm="attio", type="companies", key="domains", role="company", required={}),
)  # fmt: skip


def hostile(seed: int, count: int) -> Tally:
    """So many hostile values in each CRM, over all ways of looking records up."""
    os.environ[LOOPBACK_SWITCH] = "1"
    tally = Tally(area="queries", seed=seed)
    for crm in ("salesforce", "hubspot", "attio"):
        ways = [way for way in WAYS if way.crm == crm]
        plugin = Discovery().find("crm", crm).load()
        sandbox = manager(CrmSpecs, [(crm, plugin)]).hook.sandbox(settings=SandboxSettings())
        with SandboxServer(sandbox) as server:
            conn = connect(plugin, server.url, clock=HurryingClock())
            conn.report = conn.hooks.check_connection()
            for way in ways:
                _decoys(conn, way)
            chance = random.Random(f"{seed}/{crm}")
            for start in range(0, count, BATCH):
                way = ways[start // BATCH % len(ways)]
                values = [_value(chance, way, start + n) for n in range(min(BATCH, count - start))]
                _batch(tally, conn, way, values)
            conn.close()
    return tally


def _value(chance: random.Random, way: Way, number: int) -> str:
    text = "".join(chance.choice(PARTS) for _ in range(chance.choice((1, 1, 2, 4))))
    text = chance.choice((f"{text}{number}", f"N{number}{text}", f"N{number}{text}x"))
    if way.key in ("domain", "domains", "Website") and chance.random() < 0.5:
        return f"n{number}.{re.sub('[^a-z0-9-]', '', text.lower())}x.example.com"
    if not way.is_address:
        return text
    if chance.random() < 0.6:  # what an address may truly have before its @
        local = "".join(
            one for one in text if (one.isascii() and one.isalnum()) or one in "'+_-=&!#$%*/?^`{|}~"
        )
        return f"a{number}{local}@example.com"
    return chance.choice((f"{text}@example.com", f"a{number}@{text}.example.com", text))


def _write(way: Way, number: int, value: str) -> Write:
    return Write(
        id=str(number),
        key=f"fuzz:{number}",
        group=None,
        role=way.role,
        action="create",
        type=way.type,
        fields={**way.required, way.key: value},
    )


def _decoys(conn: Connection, way: Way) -> None:
    """Records that a query would find whose meaning was changed."""
    made = [f"{one}{way.key}".lower() for one in DECOYS]
    if way.is_address:
        made = [f"{one}@example.com" for one in made]
    elif way.key in ("domain", "domains", "Website"):
        made = [f"{one}.example.com" for one in made]
    answers = conn.hooks.write_records([_write(way, n, one) for n, one in enumerate(made)])
    for one in answers:
        if isinstance(one, Failure):
            raise one


def _batch(tally: Tally, conn: Connection, way: Way, values: Sequence[str]) -> None:
    answers = conn.hooks.write_records([_write(way, n, one) for n, one in enumerate(values)])
    queries = [
        Query(
            id=str(n), role=way.role, types=(way.type,), key=way.key, value=one,
            fields={way.type: (way.key,)},
        )
        for n, one in enumerate(values)
    ]  # fmt: skip
    found = conn.hooks.find_records(queries)
    for value, written, answer in zip(values, answers, found, strict=True):
        _judge(tally, way, value, written, answer)


def _judge(tally: Tally, way: Way, value: str, written: Any, answer: Any) -> None:
    where = f"{way.crm} {way.type}.{way.key}"
    stored = isinstance(written, Written)
    if not isinstance(answer, Candidates):
        tally.outcomes[f"{way.crm}: failed"] += 1
        tally.trouble(f"{where}: the look-up failed", f"{value!r}: {answer!r}")
        return
    ids = {one.id for one in answer.records}
    if not stored:
        tally.outcomes[f"{way.crm}: refused by the CRM, none found"] += not ids
        if ids:
            tally.trouble(f"{where}: found what is not there", f"{value!r}: {answer.records!r}")
        return
    if ids == {written.record}:
        tally.outcomes[f"{way.crm}: stored, the one record found"] += 1
    elif not ids:
        if way.key in ("domain", "domains", "Website") and not HOST.fullmatch(value):
            # These are compared as host names, whatever else stands in them.
            tally.outcomes[f"{way.crm}: stored, no host name, not found"] += 1
            return
        tally.outcomes[f"{way.crm}: stored, not found"] += 1
        tally.trouble(f"{where}: not found", repr(value))
    else:
        tally.trouble(f"{where}: others found", f"{value!r}: {answer.records!r}")
        tally.outcomes[f"{way.crm}: others found"] += 1
