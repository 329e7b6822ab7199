"""The sandbox answers as the live service did: same status, same keys, same types.

Exchanges recorded by others with the live service in 2026-05 lie beside this repository, if at
all (`shared/recordings/attio`). Our own cassettes (`tests/cassettes/attio/shapes`) hold the same
shapes, and are what the sandbox is held against where those are not.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from crmwire_attio.sandbox_app.call import system_writer

shapes: Any = sys.modules["attio_shapes"]
RECORDINGS = Path(__file__).parents[4] / "shared" / "recordings" / "attio"
ELSEWHERE = re.compile(r"/v2/(webhooks|comments|threads|meetings)|/views$|/records/search|/deals/")
"""What the plugin has no use for, and the sandbox does not have."""
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def recorded() -> Iterator[Any]:
    for file in sorted(RECORDINGS.glob("live-2026-05-*/*.yaml")):
        for number, exchange in enumerate(yaml.safe_load(file.read_text())["interactions"]):
            path = exchange["request"]["uri"].partition("attio.com")[2]
            if not ELSEWHERE.search(path.partition("?")[0]):
                yield pytest.param(exchange, path, id=f"{file.parent.name}/{file.stem}-{number}")


class Seeded:
    """A workspace with one of everything that the recorded requests name."""

    def __init__(self, world: Any) -> None:
        self.http = httpx.Client(
            base_url=world.url, headers={"authorization": "Bearer sandbox"}, trust_env=False
        )
        domain = {"domains": ["example.com"], "name": "Example"}
        self.company = world.admin("create_record", object="companies", values=domain)["record_id"]
        values = {
            "email_addresses": ["ada@example.com"],
            "name": "Byron, Ada",
            "job_title": "Countess",
        }
        self.person = world.admin("create_record", object="people", values=values)["record_id"]
        workspace = world.workspace()
        self.objects = workspace.objects
        people, companies = workspace.objects["people"], workspace.objects["companies"]
        system_writer(workspace, lambda *_: None).point(
            people, people.records[self.person], "company", companies.records[self.company]
        )
        self.member = world.workspace().first_member.id
        self.thing = self.made("objects", api_slug="seed_object_1", **NOUNS)["object_id"]
        access = {"workspace_access": "full-access", "workspace_member_access": []}
        self.list = self.made(
            "lists", name="Seed", api_slug="seed_list_1", parent_object="people", **access
        )["list_id"]
        level = [{"level": "full-access", "workspace_member_id": self.member}]
        self.made(
            "lists",
            name="Logos",
            api_slug="target_logos_6",
            parent_object="companies",
            **access | {"workspace_member_access": level},
        )
        private = {"workspace_access": None, "workspace_member_access": level}
        self.made("lists", name="Own", api_slug="own", parent_object="companies", **private)
        text = {"title": "Text", "api_slug": "test_text_attribute", "type": "text"}
        flags = dict.fromkeys(("is_required", "is_unique", "is_multiselect"), False)
        self.made("lists/seed_list_1/attributes", **text, **flags, description=None, config={})
        parent = {"parent_object": "people", "parent_record_id": self.person}
        self.entry = self.made("lists/seed_list_1/entries", **parent, entry_values={})["entry_id"]
        note = {"title": "Note", "format": "plaintext", "content": "Hello"}
        self.note = self.made("notes", **parent, **note)["note_id"]
        task = {"content": "Call", "format": "plaintext", "deadline_at": "2026-12-31T23:59:59Z"}
        task |= {"is_completed": False, "assignees": [self.member_ref], "linked_records": []}
        self.task = self.made("tasks", **task)["task_id"]

    @property
    def member_ref(self) -> dict[str, str]:
        return {"referenced_actor_type": "workspace-member", "referenced_actor_id": self.member}

    def made(self, path: str, **data: Any) -> dict[str, str]:
        answer = self.http.post(f"/v2/{path}", json={"data": data})
        assert answer.status_code == 200, answer.text
        ids: dict[str, str] = answer.json()["data"]["id"]
        return ids

    def standard(self, path: str) -> frozenset[str]:
        """The attributes that the path's object has in every workspace."""
        slug = path.removeprefix("/v2/objects/").partition("/")[0]
        object_ = self.objects.get(slug)
        return frozenset(object_.attributes if object_ else ())

    def here(self, text: str) -> str:
        """A recorded path or body with the ids of this workspace."""
        for before, id_ in (
            ("/records/", self.person),
            ("/notes/", self.note),
            ("/tasks/", self.task),
            ("/entries/", self.entry),
            ("/lists/", self.list),
            ("/objects/", self.thing),
            ("/workspace_members/", self.member),
            ('"parent_record_id": "', self.person),
            ('"target_record_id": "', self.person),
            ('"referenced_actor_id": "', self.member),
        ):
            text = re.sub(re.escape(before) + UUID, before + id_, text)
        return text


NOUNS = {"singular_noun": "Seed", "plural_noun": "Seeds"}


@pytest.fixture
def seeded(world: Any) -> Iterator[Seeded]:
    made = Seeded(world)
    yield made
    made.http.close()


def differences(theirs: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Where two answers differ in keys or types; an empty list fits any."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted(theirs.keys() ^ ours.keys()):
            yield f"{path}.{key} is only {'theirs' if key in theirs else 'ours'}"
        for key in sorted(theirs.keys() & ours.keys()):
            yield from differences(theirs[key], ours[key], f"{path}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list):
        by_slug = {one["api_slug"]: one for one in ours if isinstance(one, dict) and "type" in one
                   and "api_slug" in one}  # fmt: skip
        for number, one in enumerate(theirs if ours else ()):
            slug = one.get("api_slug") if isinstance(one, dict) else None
            several = [by_slug[slug]] if slug in by_slug else ours
            found = [
                list(differences(one, other, f"{path}[{slug or number}]")) for other in several
            ]
            yield from min(found, key=len)
    elif type(theirs) is not type(ours):
        yield f"{path} is {theirs!r}, ours {ours!r}"


# ---------------------------------------------------------------- our own cassettes


@pytest.mark.parametrize("name", list(shapes.STORIES))
def test_answers_have_the_shapes_that_our_cassettes_hold(world: Any, name: str) -> None:
    kept = shapes.cassettes()[name]
    with shapes.client(world.url, "sandbox") as http:
        for number, (step, answer) in enumerate(shapes.told(http, shapes.STORIES[name])):
            theirs = kept[number]["response"]
            assert answer.status_code == theirs["status"]["code"], (step, answer.text)
            assert kept[number]["request"]["method"] == step.method
            shape = json.loads(theirs["body"]["string"])
            assert not list(differences(shape, answer.json())), step
    assert number + 1 == len(kept)


def test_our_cassettes_say_where_they_come_from_and_hold_no_secret() -> None:
    files = sorted(shapes.FOLDER.glob("*.yaml"))
    assert [file.stem for file in files] == sorted(shapes.STORIES)
    for file in files:
        text = file.read_text()
        provenance = yaml.safe_load(text)["provenance"]
        assert provenance["from"] == "sandbox"
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", provenance["date"])
        assert provenance["api"] == "v2"
        assert "127.0.0.1" not in text
        assert shapes.TOKEN + '"' not in text
        assert set(re.findall(r"[\w.+-]+@([\w.-]+\w)", text.lower())) <= {"example.com"}


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not here")
@pytest.mark.parametrize(("exchange", "path"), list(recorded()))
def test_our_cassettes_hold_the_shape_that_was_recorded(
    world: Any, exchange: dict[str, Any], path: str
) -> None:
    """So that the recordings are not needed to know it: same call, status, keys and types."""
    theirs = exchange["response"]
    called = shapes.place(exchange["request"]["method"], exchange["request"]["uri"])
    standard = frozenset(world.workspace().objects[_slug(path)].attributes if _slug(path) else ())
    told = _unnamed(_standard(json.loads(theirs["body"]["string"]), standard))
    tries = [
        [
            one
            for one in differences(told, _unnamed(json.loads(ours["body"]["string"])))
            if not _known(one)
        ]
        for request, ours in (
            (one["request"], one["response"])
            for kept in shapes.cassettes().values()
            for one in kept
        )
        if shapes.place(request["method"], request["uri"]) == called
        and ours["status"]["code"] == theirs["status"]["code"]
    ]
    tries = [[one for one in some if not BY_ATTIO.search(one)] for some in tries]
    assert tries, f"no cassette holds {called} answered with {theirs['status']['code']}"
    assert not min(tries, key=len)


BY_ATTIO = re.compile(r"\.created_by_actor\.id is None")
"""What Attio wrote itself in the recorded workspaces, and we in ours."""


def _unnamed(told: Any) -> Any:
    """The answer with the values of a list's attributes in one list: each list has its own."""
    if isinstance(told, dict):
        return {
            key: [one for elements in value.values() for one in elements]
            if key == "entry_values"
            else _unnamed(value)
            for key, value in told.items()
        }
    return [_unnamed(one) for one in told] if isinstance(told, list) else told


def _slug(path: str) -> str:
    found = re.match(r"/v2/objects/(people|companies)\b", path)
    return found[1] if found else ""


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not here")
def test_our_refusals_have_the_forms_of_those_recorded_in_2025() -> None:
    recorded = json.loads((RECORDINGS / "live-2025-07-ruby" / "errors.json").read_text())
    ours = [
        json.loads(one["response"]["body"]["string"]) for one in shapes.cassettes()["refusals"][1:]
    ]
    compared = []
    for one in recorded:
        theirs = one["body"]
        same = [body for body in ours if body["code"] == theirs["code"]]
        if not same:
            continue
        compared.append(theirs["code"])
        details = [detail for body in same for detail in body.get("validation_errors", ())]
        body = same[0] | ({"validation_errors": details} if "validation_errors" in theirs else {})
        assert not list(differences(theirs, body)), one
    assert {"not_found", "validation_type"} <= set(compared)


# ---------------------------------------------------------------- the live service


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not here")
@pytest.mark.parametrize(("exchange", "path"), list(recorded()))
def test_answer_has_the_shape_that_was_recorded(
    seeded: Seeded, exchange: dict[str, Any], path: str
) -> None:
    request, theirs = exchange["request"], exchange["response"]
    body = seeded.here(request.get("body") or "")
    answer = seeded.http.request(
        request["method"],
        seeded.here(path),
        content=body or None,
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == theirs["status"]["code"], answer.text
    told = json.loads(theirs["body"]["string"])
    told = _standard(told, seeded.standard(path))
    problems = [one for one in differences(told, answer.json()) if not _known(one)]
    assert not problems


NOT_IN_THE_STATE = (
    # The recorded workspaces have deals, users and workspaces turned on.
    *(r"\bassociated_\w+\b", r"\.deadline_at is None"),
    # The member of the recorded /v2/self that the specification of 2026-10 has besides.
    r"^\.token_level is only ours$",
)


def _known(problem: str) -> bool:
    return any(re.search(known, problem) for known in NOT_IN_THE_STATE)


def _standard(told: Any, slugs: frozenset[str]) -> Any:
    """The answer without the attributes that the recorded workspace added."""
    if isinstance(told, dict):
        return {
            key: {slug: value[slug] for slug in value if slug in slugs}
            if key == "values"
            else _standard(value, slugs)
            for key, value in told.items()
        }
    if isinstance(told, list):
        return [
            _standard(one, slugs)
            for one in told
            if not (isinstance(one, dict) and "is_system_attribute" in one)
            or one["api_slug"] in slugs
        ]
    return told
