"""Exchanges with the sandbox that show the shape of each answer the plugin builds on.

They are kept in `tests/cassettes/attio/shapes`, are held against recordings of the live service
where these are at hand (`test_attio_recordings`), and so hold their shapes where they are not.
Recorded again with `python plugins/attio/tests/attio_shapes.py`.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from string import Template
from typing import Any

import httpx
import yaml
from attrs import field, frozen

import crmwire_attio
from crmwire.sandbox import SandboxServer, SandboxSettings

FOLDER = Path(__file__).parents[3] / "tests" / "cassettes" / "attio" / "shapes"
HOST = "https://api.attio.com"
TOKEN = "shapes"


README = """\
# Attio: shapes of answers

Recorded {date} from the sandbox of {version}, API v2: one exchange of each kind that the plugin
builds on, custom objects, lists, tasks and refusals among them.
`plugins/attio/tests/test_attio_recordings.py` holds the sandbox against them, and them against
recordings of the live service where these are at hand: same call, same status, same keys and types.

Recorded again with `python plugins/attio/tests/attio_shapes.py`.
"""


@frozen
class Step:
    """One request. The id that its answer bears is known as `$name` to those that follow."""

    name: str
    method: str
    path: str
    body: Mapping[str, Any] | None = field(default=None)


def data(**given: Any) -> dict[str, Any]:
    return {"data": given}


def values(**given: Any) -> dict[str, Any]:
    return data(values=given)


def attribute(title: str, slug: str, type_: str, **more: Any) -> dict[str, Any]:
    flags = {"is_required": False, "is_unique": False, "is_multiselect": False}
    told = {"title": title, "description": None, "api_slug": slug, "type": type_, "config": {}}
    return data(**told | flags | more)


PEOPLE, COMPANIES = "/v2/objects/people", "/v2/objects/companies"
COMPANY = Step(
    "company",
    "PUT",
    f"{COMPANIES}/records?matching_attribute=domains",
    values(domains=["example.com"], name="Example", categories=["SAAS"]),
)
ADA = Step(
    "person",
    "POST",
    f"{PEOPLE}/records",
    values(
        email_addresses=["Ada@Example.com"],
        name={"first_name": "Ada", "last_name": "Byron", "full_name": "Ada Byron"},
        phone_numbers=["+442079460018"],
        job_title="Countess",
        company=[{"target_object": "companies", "target_record_id": "$company"}],
    ),
)
STORIES: Mapping[str, tuple[Step, ...]] = {
    "workspace": (
        Step("self", "GET", "/v2/self"),
        Step("members", "GET", "/v2/workspace_members"),
        Step("member", "GET", "/v2/workspace_members/$workspace_member"),
        Step("objects", "GET", "/v2/objects"),
        Step("object", "GET", PEOPLE),
        Step("object", "GET", COMPANIES),
        Step("attribute", "GET", f"{PEOPLE}/attributes/name"),
    ),
    "attributes": (
        Step("attributes", "GET", f"{PEOPLE}/attributes"),
        Step("attributes", "GET", f"{COMPANIES}/attributes"),
    ),
    "people": (
        COMPANY,
        ADA,
        Step("read", "GET", f"{PEOPLE}/records/$person"),
        Step(
            "asserted",
            "PUT",
            f"{PEOPLE}/records?matching_attribute=email_addresses",
            values(email_addresses=["ada@example.com"], job_title="Author"),
        ),
        Step("patched", "PATCH", f"{PEOPLE}/records/$person", values(job_title="Engineer")),
        Step(
            "found",
            "POST",
            f"{PEOPLE}/records/query",
            {"filter": {"email_addresses": "ada@example.com"}, "limit": 5},
        ),
        Step("found", "POST", f"{COMPANIES}/records/query", {"limit": 5}),
        Step("gone", "DELETE", f"{PEOPLE}/records/$person"),
    ),
    "custom-object": (
        Step("person", "POST", f"{PEOPLE}/records", values(name="Byron, Ada")),
        Step(
            "object",
            "POST",
            "/v2/objects",
            data(api_slug="bookings", singular_noun="Booking", plural_noun="Bookings"),
        ),
        Step("object", "PATCH", "/v2/objects/$object", data(plural_noun="All bookings")),
        Step(
            "attribute",
            "POST",
            "/v2/objects/bookings/attributes",
            attribute("Booking ID", "booking_uid", "text", is_unique=True),
        ),
        Step(
            "attribute",
            "POST",
            "/v2/objects/bookings/attributes",
            attribute("State", "state", "select"),
        ),
        Step(
            "option",
            "POST",
            "/v2/objects/bookings/attributes/state/options",
            data(title="Booked"),
        ),
        Step("options", "GET", "/v2/objects/bookings/attributes/state/options"),
        Step(
            "attribute",
            "POST",
            "/v2/objects/bookings/attributes",
            attribute("Start", "start_at", "timestamp"),
        ),
        Step(
            "attribute",
            "POST",
            "/v2/objects/bookings/attributes",
            attribute(
                "Guests",
                "guests",
                "record-reference",
                is_multiselect=True,
                config={"record_reference": {"allowed_objects": ["people"]}},
                relationship={
                    "object": "people",
                    "title": "Bookings",
                    "api_slug": "bookings",
                    "is_multiselect": True,
                },
            ),
        ),
        Step(
            "record",
            "PUT",
            "/v2/objects/bookings/records?matching_attribute=booking_uid",
            values(
                booking_uid="b1",
                state="Booked",
                start_at="2027-03-01T09:00:00Z",
                guests=[{"target_object": "people", "target_record_id": "$person"}],
            ),
        ),
        Step(
            "record",
            "PATCH",
            "/v2/objects/bookings/records/$record",
            values(start_at="2027-03-02T09:00:00Z"),
        ),
        Step(
            "found",
            "POST",
            "/v2/objects/bookings/records/query",
            {"filter": {"booking_uid": "b1"}},
        ),
    ),
    "list": (
        Step("person", "POST", f"{PEOPLE}/records", values(name="Byron, Ada")),
        Step(
            "list",
            "POST",
            "/v2/lists",
            data(
                name="Leads",
                api_slug="leads",
                parent_object="people",
                workspace_access="full-access",
                workspace_member_access=[],
            ),
        ),
        Step("members", "GET", "/v2/workspace_members"),
        Step(
            "own",
            "POST",
            "/v2/lists",
            data(
                name="Own",
                api_slug="own",
                parent_object="people",
                workspace_access=None,
                workspace_member_access=[
                    {"level": "full-access", "workspace_member_id": "$workspace_member"}
                ],
            ),
        ),
        Step("list", "PATCH", "/v2/lists/leads", data(name="New leads")),
        Step("list", "GET", "/v2/lists/leads"),
        Step("lists", "GET", "/v2/lists"),
        Step(
            "attribute",
            "POST",
            "/v2/lists/leads/attributes",
            attribute("Source", "source", "text"),
        ),
        Step("attributes", "GET", "/v2/lists/leads/attributes"),
        Step(
            "entry",
            "PUT",
            "/v2/lists/leads/entries",
            data(
                parent_object="people",
                parent_record_id="$person",
                entry_values={"source": "Booking"},
            ),
        ),
        Step(
            "entry",
            "PATCH",
            "/v2/lists/leads/entries/$entry",
            data(entry_values={"source": "Web"}),
        ),
        Step("entry", "GET", "/v2/lists/leads/entries/$entry"),
        Step("entries", "POST", "/v2/lists/leads/entries/query", {"limit": 5}),
        Step("gone", "DELETE", "/v2/lists/leads/entries/$entry"),
        Step(
            "second",
            "POST",
            "/v2/lists/leads/entries",
            data(parent_object="people", parent_record_id="$person", entry_values={}),
        ),
    ),
    "notes": (
        Step("person", "POST", f"{PEOPLE}/records", values(name="Byron, Ada")),
        Step(
            "note",
            "POST",
            "/v2/notes",
            data(
                parent_object="people",
                parent_record_id="$person",
                title="Intro: Ada Byron",
                format="plaintext",
                content="Start: 2027-03-01 09:00 UTC",
            ),
        ),
        Step("notes", "GET", "/v2/notes?parent_object=people&parent_record_id=$person&limit=50"),
        Step("notes", "GET", "/v2/notes?limit=10&offset=0"),
        Step("note", "GET", "/v2/notes/$note"),
        Step("note", "PATCH", "/v2/notes/$note", data(format="plaintext", content="Moved")),
        Step("gone", "DELETE", "/v2/notes/$note"),
    ),
    "tasks": (
        Step("person", "POST", f"{PEOPLE}/records", values(name="Byron, Ada")),
        Step("members", "GET", "/v2/workspace_members"),
        Step(
            "task",
            "POST",
            "/v2/tasks",
            data(
                content="Prepare: Intro",
                format="plaintext",
                deadline_at="2027-03-01T09:00:00Z",
                is_completed=False,
                linked_records=[{"target_object": "people", "target_record_id": "$person"}],
                assignees=[{"workspace_member_email_address": "host@example.com"}],
            ),
        ),
        Step("tasks", "GET", "/v2/tasks?sort=created_at:desc&limit=100&offset=0"),
        Step("task", "GET", "/v2/tasks/$task"),
        Step("task", "PATCH", "/v2/tasks/$task", data(is_completed=True)),
        Step("gone", "DELETE", "/v2/tasks/$task"),
    ),
    "refusals": (
        Step("person", "POST", f"{PEOPLE}/records", values(email_addresses=["ada@example.com"])),
        Step("taken", "POST", f"{PEOPLE}/records", values(email_addresses=["ada@example.com"])),
        Step("no endpoint", "GET", f"{COMPANIES}/records?limit=5"),
        Step("no endpoint", "GET", f"{PEOPLE}/records"),
        Step("no values", "POST", f"{PEOPLE}/records", {"data": {}}),
        Step("half a name", "POST", f"{PEOPLE}/records", values(name={"last_name": "Byron"})),
        Step("not unique", "PUT", f"{PEOPLE}/records?matching_attribute=name", values(name="A")),
        Step("no record", "GET", f"{PEOPLE}/records/11111111-2222-4333-8444-555555555555"),
        Step("half a list", "POST", "/v2/lists", data(name="Leads", parent_object="people")),
        Step("no such list", "GET", "/v2/lists/nothing"),
        Step("no endpoint", "GET", "/v2/lists/nothing/entries"),
        Step("no type", "POST", f"{PEOPLE}/attributes", attribute("Extra", "extra", "nothing")),
    ),
}
"""What is asked in each story, on a workspace of its own."""


def told(http: httpx.Client, story: tuple[Step, ...]) -> Iterator[tuple[Step, httpx.Response]]:
    """Ask what a story asks, in order; gives each step as it was asked, with its answer."""
    known: dict[str, str] = {}
    for step in story:
        path = Template(step.path).substitute(known)
        body = json.loads(Template(json.dumps(step.body)).substitute(known))
        answer = (
            http.request(step.method, path, json=body) if body else http.request(step.method, path)
        )
        yield Step(step.name, step.method, path, body), answer
        found = answer.json().get("data") if answer.content else None
        rows = found if isinstance(found, list) else [found]
        for row in rows[:1]:
            ids = row.get("id") if isinstance(row, dict) else None
            for name, id_ in (ids or {}).items():
                known[name.removesuffix("_id")] = id_
            if ids:
                known[step.name] = list(ids.values())[-1]


def client(url: str, token: str = TOKEN) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, trust_env=False)


def record(folder: Path) -> list[Path]:
    """Record every story; returns the files."""
    os.environ["CRMWIRE_ALLOW_LOOPBACK"] = "1"
    folder.mkdir(parents=True, exist_ok=True)
    provenance = {
        "from": "sandbox",
        "date": datetime.now(UTC).date().isoformat(),
        "api": "v2",
        "sandbox_version": f"crmwire-attio {version('crmwire-attio')}",
    }
    files = []
    for name, story in STORIES.items():
        sandbox = crmwire_attio.sandbox(
            SandboxSettings(tokens=(TOKEN,), options={"limits": "off", "link_delay": "60"})
        )
        with SandboxServer(sandbox) as server, client(server.url) as http:
            exchanges = [_kept(step, answer) for step, answer in told(http, story)]
        path = folder / f"{name}.yaml"
        text = yaml.safe_dump(
            {"provenance": provenance, "interactions": exchanges},
            sort_keys=False,
            allow_unicode=True,
            width=100,
        )
        path.write_text(text, encoding="utf-8")
        files.append(path)
    readme = README.format(date=provenance["date"], version=provenance["sandbox_version"])
    (folder / "README.md").write_text(readme, encoding="utf-8")
    return files


def _kept(step: Step, answer: httpx.Response) -> dict[str, Any]:
    """An exchange as cassettes hold it, under the vendor's host name and without the token."""
    return {
        "request": {
            "method": step.method,
            "uri": HOST + step.path,
            "headers": {"Authorization": ["REDACTED"]},
            "body": json.dumps(step.body) if step.body else None,
        },
        "response": {
            "status": {"code": answer.status_code, "message": answer.reason_phrase},
            "headers": {"Content-Type": [answer.headers["content-type"]]},
            "body": {"string": answer.text},
        },
    }


@cache
def cassettes(folder: Path = FOLDER) -> dict[str, list[dict[str, Any]]]:
    """The exchanges that are kept, by story."""
    return {
        file.stem: yaml.safe_load(file.read_text(encoding="utf-8"))["interactions"]
        for file in sorted(folder.glob("*.yaml"))
    }


def place(method: str, uri: str) -> str:
    """What an exchange is about: its method and path, without ids and names of a workspace."""
    path = uri.partition("attio.com")[2].partition("?")[0]
    path = re.sub(r"/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "/*", path)
    path = re.sub(r"(/lists/)[^/]+", r"\1*", path)
    path = re.sub(r"(/objects/)(?!people|companies)[^/]+", r"\1*", path)
    return f"{method} {path}"


if __name__ == "__main__":
    for made in record(FOLDER):
        sys.stdout.write(f"{made}\n")
