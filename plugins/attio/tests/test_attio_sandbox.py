"""The sandbox answers as the vendor does, over real HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from crmwire.http import Request, Response
from crmwire.sandbox import Fault

ANY = frozenset(range(400, 600))
RECORDS = "v2/objects/people/records"
NINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")

Ask = Callable[..., Response]


def asking(world: Any, token: str = "sandbox") -> Ask:
    http = world.connect(token).http

    def ask(method: Any, path: str, json: Any = None, **headers: str) -> Response:
        path, _, query = path.partition("?")
        params = dict(part.split("=") for part in query.split("&")) if query else {}
        request = Request(
            method=method, path=path, json=json, params=params, headers=headers, accept=ANY
        )
        answer: Response = http.send(request)
        return answer

    return ask


@pytest.fixture
def ask(world: Any) -> Ask:
    return asking(world)


def values(**given: Any) -> dict[str, Any]:
    return {"data": {"values": given}}


def code(answer: Response) -> tuple[int, str]:
    told = answer.json()
    assert told["status_code"] == answer.status
    return answer.status, told["code"]


def query(ask: Ask, filter_: Any, **more: Any) -> list[str]:
    """The names of the people whom a filter finds."""
    answer = ask("POST", f"{RECORDS}/query", {"filter": filter_, **more})
    assert answer.status == 200, answer.text
    return [row["values"]["name"][0]["full_name"] for row in answer.json()["data"]]


# ---------------------------------------------------------------- shapes


def test_create_answers_200_with_every_attribute_in_lists(ask: Ask) -> None:
    answer = ask("POST", RECORDS, values(email_addresses=["Ada@Example.com"]))
    assert answer.status == 200
    data = answer.json()["data"]
    assert set(data) == {"id", "created_at", "web_url", "values"}
    assert set(data["id"]) == {"workspace_id", "object_id", "record_id"}
    assert NINE.fullmatch(data["created_at"])
    stored = data["values"]
    assert all(isinstance(elements, list) for elements in stored.values())
    assert stored["job_title"] == []
    [email] = stored["email_addresses"]
    assert list(email) == [
        "active_from",
        "active_until",
        "created_by_actor",
        "original_email_address",
        "email_address",
        "email_domain",
        "email_root_domain",
        "email_local_specifier",
        "attribute_type",
    ]
    assert email["email_address"] == "ada@example.com"
    assert email["created_by_actor"]["type"] == "api-token"
    assert stored["record_id"][0]["value"] == data["id"]["record_id"]


def test_answers_bear_an_execution_id(ask: Ask) -> None:
    answer = ask("GET", "v2/objects")
    assert answer.request_id == answer.headers["x-attio-execution-id"]
    assert NINE.fullmatch(answer.headers["x-accurate-at"])
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_self_is_at_the_top_and_tells_a_dead_token_with_200(world: Any, ask: Ask) -> None:
    told = ask("GET", "v2/self").json()
    assert told["active"] is True
    assert told["workspace_id"] == told["sub"] == world.workspace().id
    dead = asking(world, "unknown")("GET", "v2/self")
    assert (dead.status, dead.json()) == (200, {"active": False})


def test_basic_login_with_the_token_as_user_name_passes(ask: Ask) -> None:
    answer = ask("GET", "v2/objects", Authorization="Basic c2FuZGJveDo=")
    assert answer.status == 200


def test_unknown_token_is_refused(world: Any) -> None:
    assert code(asking(world, "unknown")("GET", "v2/objects")) == (401, "unauthorized")


def test_missing_scope_is_refused(world: Any, ask: Ask) -> None:
    world.admin("set_scopes", scopes="record_permission:read-write")
    assert code(ask("POST", RECORDS, values())) == (403, "unauthorized")


def test_scopes_are_an_option(start: Any) -> None:
    ask = asking(start(scopes="object_configuration:read"))
    assert ask("GET", "v2/objects").status == 200
    assert ask("GET", "v2/notes").status == 403


@pytest.mark.parametrize(
    ("method", "path"), [("GET", f"{RECORDS}?limit=5"), ("PATCH", "v2/self"), ("GET", "v2/nothing")]
)
def test_unknown_endpoint_names_itself(ask: Ask, method: str, path: str) -> None:
    answer = ask(method, path)
    assert code(answer) == (404, "not_found")
    plain = path.partition("?")[0]
    assert answer.json()["message"] == f'Could not find endpoint "{method} /{plain}".'


def test_objects_and_attributes_are_found_by_slug_and_id(ask: Ask) -> None:
    by_slug = {row["api_slug"]: row for row in ask("GET", "v2/objects").json()["data"]}
    assert list(by_slug) == ["people", "companies"]
    id_ = by_slug["people"]["id"]["object_id"]
    name = ask("GET", f"v2/objects/{id_}/attributes/name").json()["data"]
    assert (name["type"], name["is_unique"], name["is_multiselect"]) == (
        "personal-name",
        False,
        False,
    )
    again = ask("GET", f"v2/objects/people/attributes/{name['id']['attribute_id']}")
    assert again.json()["data"] == name
    company = ask("GET", "v2/objects/people/attributes/company").json()["data"]
    assert company["relationship"]["api_slug"] == "team"
    assert code(ask("GET", "v2/objects/deals")) == (404, "not_found")


# ---------------------------------------------------------------- values


def test_name_without_a_part_is_refused_with_its_path(ask: Ask) -> None:
    answer = ask("POST", RECORDS, values(name=[{"first_name": "Ada"}]))
    assert code(answer) == (400, "validation_type")
    told = answer.json()
    assert told["message"] == 'An invalid value was passed to attribute with slug "name".'
    assert [detail["path"] for detail in told["validation_errors"]] == [
        ["last_name"],
        ["full_name"],
    ]


def test_name_as_text_is_a_first_name_unless_it_has_a_comma(ask: Ask) -> None:
    for text, first, last in (("Ada Byron", "Ada Byron", ""), ("Byron, Ada", "Ada", "Byron")):
        [name] = ask("POST", RECORDS, values(name=text)).json()["data"]["values"]["name"]
        assert (name["first_name"], name["last_name"]) == (first, last)


@pytest.mark.parametrize(
    "given",
    [
        {"phone_numbers": ["020 7946 0018"]},
        {"email_addresses": ["no address"]},
        {"email_addresses": "ada@example.com"},
        {"job_title": 5},
        {"primary_location": {"locality": "London"}},
    ],
)
def test_unfit_value_names_its_attribute(ask: Ask, given: dict[str, Any]) -> None:
    answer = ask("POST", RECORDS, values(**given))
    assert code(answer) == (400, "validation_type")
    assert f'"{next(iter(given))}"' in answer.json()["message"]


def test_phone_number_needs_a_country(ask: Ask) -> None:
    number = {"original_phone_number": "020 7946 0018", "country_code": "GB"}
    data = ask("POST", RECORDS, values(phone_numbers=[number])).json()["data"]
    [phone] = data["values"]["phone_numbers"]
    assert (phone["phone_number"], phone["country_code"]) == ("+442079460018", "GB")


@pytest.mark.parametrize("given", [{"nothing": 1}, {"company": "example.com"}])
def test_what_is_not_there_cannot_be_named(ask: Ask, given: dict[str, Any]) -> None:
    assert code(ask("POST", RECORDS, values(**given))) == (400, "value_not_found")


def test_option_is_named_by_its_title(ask: Ask) -> None:
    path = "v2/objects/companies/records"
    data = ask("POST", path, values(categories=["SAAS"])).json()["data"]
    option = data["values"]["categories"][0]["option"]
    assert option["title"] == "SAAS"
    assert set(option["id"]) == {"workspace_id", "object_id", "attribute_id", "option_id"}
    answer = ask("POST", path, values(categories=["Odd"]))
    assert code(answer) == (400, "value_not_found")
    assert '"Odd"' in answer.json()["message"]


def test_body_without_values_is_refused(ask: Ask) -> None:
    answer = ask("POST", RECORDS, {"data": {}})
    assert code(answer) == (400, "validation_type")
    assert answer.json()["validation_errors"][0]["path"] == ["data", "values"]


def test_system_attribute_cannot_be_written(ask: Ask) -> None:
    answer = ask("POST", RECORDS, values(created_at="2026-01-01T00:00:00Z"))
    assert code(answer) == (400, "system_edit_unauthorized")


# ---------------------------------------------------------------- what joins, what is replaced


def numbers(answer: Response) -> list[str]:
    elements = answer.json()["data"]["values"]["phone_numbers"]
    return [element["phone_number"] for element in elements]


@pytest.fixture
def ada(ask: Ask) -> str:
    given = values(email_addresses=["ada@example.com"], phone_numbers=["+442079460001"])
    id_: str = ask("POST", RECORDS, given).json()["data"]["id"]["record_id"]
    return id_


def test_patch_puts_new_values_in_front_and_repeats_none(ask: Ask, ada: str) -> None:
    given = values(phone_numbers=["+442079460018", "+442079460001"])
    assert numbers(ask("PATCH", f"{RECORDS}/{ada}", given)) == ["+442079460018", "+442079460001"]


def test_put_by_id_makes_the_list_what_was_sent(ask: Ask, ada: str) -> None:
    given = values(phone_numbers=["+442079460018"])
    assert numbers(ask("PUT", f"{RECORDS}/{ada}", given)) == ["+442079460018"]
    assert numbers(ask("PUT", f"{RECORDS}/{ada}", values(phone_numbers=[]))) == []


def test_assert_adds_to_the_matching_attribute_and_replaces_other_lists(ask: Ask, ada: str) -> None:
    path = f"{RECORDS}?matching_attribute=email_addresses"
    given = values(
        email_addresses=["ADA@example.com", "countess@example.com"],
        phone_numbers=["+442079460018"],
    )
    answer = ask("PUT", path, given)
    assert answer.json()["data"]["id"]["record_id"] == ada
    assert numbers(answer) == ["+442079460018"]
    emails = answer.json()["data"]["values"]["email_addresses"]
    assert {one["email_address"] for one in emails} == {"ada@example.com", "countess@example.com"}


def test_equal_value_keeps_its_age(ask: Ask, ada: str, world: Any) -> None:
    before = ask("GET", f"{RECORDS}/{ada}").json()
    count = len(world.sandbox.commits)
    after = ask("PATCH", f"{RECORDS}/{ada}", values(email_addresses=["ada@example.com"])).json()
    assert after == before
    assert len(world.sandbox.commits) == count


def test_taken_address_is_a_conflict_and_nothing_is_stored(ask: Ask, ada: str) -> None:
    given = values(name="Other, Ada", email_addresses=["b@example.com", "ADA@example.com"])
    answer = ask("POST", RECORDS, given)
    assert code(answer) == (400, "uniqueness_conflict")
    assert '"email_addresses"' in answer.json()["message"]
    assert query(ask, {"name": "Ada Other"}) == []
    assert ask("POST", RECORDS, values(email_addresses=["b@example.com"])).status == 200


def test_address_is_free_again_after_a_delete(ask: Ask, ada: str) -> None:
    answer = ask("DELETE", f"{RECORDS}/{ada}")
    assert (answer.status, answer.json()) == (200, {})
    assert code(ask("DELETE", f"{RECORDS}/{ada}")) == (404, "not_found")
    assert ask("POST", RECORDS, values(email_addresses=["ada@example.com"])).status == 200


def test_assert_needs_a_unique_attribute_and_its_value(ask: Ask) -> None:
    given = values(job_title="Clerk")
    for attribute, expected in (
        ("job_title", "matching_attribute_definition_not_unique"),
        ("nothing", "value_not_found"),
        ("email_addresses", "missing_value"),
    ):
        answer = ask("PUT", f"{RECORDS}?matching_attribute={attribute}", given)
        assert code(answer) == (400, expected)


def test_assert_of_seeded_duplicates_matches_several(world: Any, ask: Ask, ada: str) -> None:
    world.admin(
        "create_record",
        object="people",
        values={"email_addresses": ["ada@example.com"]},
        unchecked=True,
    )
    answer = ask(
        "PUT",
        f"{RECORDS}?matching_attribute=email_addresses",
        values(email_addresses=["ada@example.com"]),
    )
    assert code(answer) == (400, "multiple_match_results")


def test_relationship_is_kept_on_both_sides(world: Any, ask: Ask, ada: str) -> None:
    ids = [
        ask("POST", "v2/objects/companies/records", values(domains=[domain])).json()["data"]["id"]
        for domain in ("example.com", "example.org")
    ]
    ask("PATCH", f"{RECORDS}/{ada}", values(company=["example.com"]))
    link = {"target_object": "people", "target_record_id": ada}
    ask("PATCH", f"v2/objects/companies/records/{ids[1]['record_id']}", values(team=[link]))
    [company] = ask("GET", f"{RECORDS}/{ada}").json()["data"]["values"]["company"]
    assert company["target_record_id"] == ids[1]["record_id"]
    first = ask("GET", f"v2/objects/companies/records/{ids[0]['record_id']}").json()
    assert first["data"]["values"]["team"] == []


# ---------------------------------------------------------------- companies by themselves


def test_company_is_linked_after_the_answer_by_the_system(start: Any) -> None:
    world = start(link_delay="0.02")
    ask = asking(world)
    answer = ask("POST", RECORDS, values(email_addresses=["ada@mail.example.com"]))
    assert answer.json()["data"]["values"]["company"] == []
    ask("POST", RECORDS, values(email_addresses=["sam@example.com"]))
    world.opened[0].clock.sleep(0.2)
    companies = list(world.workspace().objects["companies"].records.values())
    assert [one["domain"] for company in companies for one in company.values["domains"]] == [
        "example.com"
    ]
    [link] = world.person("ada@mail.example.com").values["company"]
    assert link["created_by_actor"] == {"type": "system", "id": None}
    assert link["target_record_id"] == companies[0].id
    assert len(companies[0].values["team"]) == 2


def test_free_mail_is_nobodys_company(start: Any) -> None:
    world = start(link_delay="0")
    ask = asking(world)
    ask("POST", RECORDS, values(email_addresses=["ada@gmail.com"]))
    world.opened[0].clock.sleep(0.05)
    assert world.workspace().objects["companies"].records == {}


# ---------------------------------------------------------------- queries


@pytest.fixture
def three(world: Any) -> None:
    world.admin(
        "create_record", object="companies", values={"domains": ["example.com"], "name": "Example"}
    )
    for first, last, host, title in (
        ("Ada", "Byron", "example.com", "Engineer"),
        ("Grace", "Hopper", "example.org", "Admiral"),
        ("Alan", "Turing", "example.com", None),
    ):
        name = {"first_name": first, "last_name": last, "full_name": f"{first} {last}"}
        given = {"name": name, "email_addresses": [f"{first.lower()}@{host}"]}
        given |= {"job_title": title} if title else {}
        given |= {"company": "example.com"} if first == "Ada" else {}
        world.admin("create_record", object="people", values=given)


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({}, "Ada Grace Alan"),
        ({"name": "ada byron"}, "Ada"),
        ({"email_addresses": "GRACE@example.org"}, "Grace"),
        ({"email_addresses": {"email_domain": "example.com"}}, "Ada Alan"),
        ({"email_addresses": {"email_address": {"$eq": "alan@example.com"}}}, "Alan"),
        ({"name": {"last_name": {"$starts_with": "ho"}}}, "Grace"),
        ({"job_title": {"$contains": "ADMI"}}, "Grace"),
        ({"job_title": {"$in": ["Engineer", "Admiral"]}}, "Ada Grace"),
        ({"name": {"$not_empty": True}}, "Ada Grace Alan"),
        ({"$not": {"job_title": "Engineer"}}, "Grace Alan"),
        ({"$or": [{"job_title": "Engineer"}, {"name": {"first_name": "Alan"}}]}, "Ada Alan"),
        (
            {"$or": [{"email_addresses": "ada@example.com"}, {"email_addresses": "x@example.com"}]},
            "Ada",
        ),
        ({"$and": [{"job_title": "Engineer"}, {"name": {"first_name": "Alan"}}]}, ""),
        ({"created_at": {"$gt": "2026-01-01T00:00:00Z"}}, "Ada Grace Alan"),
        ({"created_at": {"$lt": "2026-01-01T00:00:00Z"}}, ""),
        (
            {
                "path": [["people", "company"], ["companies", "domains"]],
                "constraints": {"domain": "example.com"},
            },
            "Ada",
        ),
    ],
)
def test_filter_finds(ask: Ask, filter_: Any, expected: str) -> None:
    assert [name.split()[0] for name in query(ask, filter_)] == expected.split()


@pytest.mark.parametrize(
    "filter_",
    [
        {"nothing": 1},
        {"email_addresses": {"$in": ["ada@example.com"]}},
        {"job_title": {"$gt": "A"}},
        {"created_at": {"$gt": "yesterday"}},
        {"$or": {}},
    ],
)
def test_bad_filter_is_refused(ask: Ask, filter_: Any) -> None:
    answer = ask("POST", f"{RECORDS}/query", {"filter": filter_})
    assert code(answer) == (400, "filter_error")


@pytest.mark.usefixtures("three")
def test_query_sorts_and_pages_and_tells_its_score(ask: Ask) -> None:
    by_last = [{"direction": "desc", "attribute": "name", "field": "last_name"}]
    assert query(ask, {}, sorts=by_last) == ["Alan Turing", "Grace Hopper", "Ada Byron"]
    assert query(ask, {}, sorts=by_last, limit=1, offset=1) == ["Grace Hopper"]
    assert ask("POST", f"{RECORDS}/query", {}).headers["x-attio-record-query-score"] == "0"


# ---------------------------------------------------------------- notes


def note(person: str, **more: Any) -> dict[str, Any]:
    data = {"title": "Intro", "format": "plaintext", "content": "Hello"}
    return {"data": {"parent_object": "people", "parent_record_id": person, **data, **more}}


def test_note_needs_all_its_members(ask: Ask) -> None:
    answer = ask("POST", "v2/notes", {"data": {}})
    assert code(answer) == (400, "validation_type")
    assert len(answer.json()["validation_errors"]) == 5


def test_note_on_nobody_is_refused(ask: Ask, ada: str) -> None:
    assert code(ask("POST", "v2/notes", note("x"))) == (404, "not_found")
    assert code(ask("POST", "v2/notes", note(ada, parent_object="deals"))) == (404, "not_found")


@pytest.mark.parametrize("time", ["2999-01-01T00:00:00Z", "1969-01-01T00:00:00Z", "soon"])
def test_note_is_of_the_past(ask: Ask, ada: str, time: str) -> None:
    answer = ask("POST", "v2/notes", note(ada, created_at=time))
    assert code(answer) == (400, "validation_type")


def test_note_is_listed_oldest_first_in_chunks(ask: Ask, ada: str) -> None:
    for number in range(12):
        ask("POST", "v2/notes", note(ada, title=str(number), created_at=f"2026-01-{30 - number}"))
    path = f"v2/notes?parent_object=people&parent_record_id={ada}"
    titles = [one["title"] for one in ask("GET", path).json()["data"]]
    assert titles == [str(number) for number in range(11, 1, -1)]
    rest = ask("GET", f"{path}&limit=50&offset=10").json()["data"]
    assert [one["title"] for one in rest] == ["1", "0"]
    assert ask("GET", f"{path}&limit=51").status == 400


def test_note_is_patched_and_deleted(ask: Ask, ada: str) -> None:
    made = ask("POST", "v2/notes", note(ada)).json()["data"]
    path = f"v2/notes/{made['id']['note_id']}"
    change = {"data": {"format": "markdown", "content": "# New\n**bold** text"}}
    changed = ask("PATCH", path, change).json()["data"]
    assert changed["title"] == "Intro"
    assert changed["content_markdown"] == "# New\n**bold** text"
    assert changed["content_plaintext"] == "New\nbold text"
    assert ask("DELETE", path).json() == {}
    assert code(ask("GET", path)) == (404, "not_found")


def test_long_note_is_too_large(ask: Ask, ada: str) -> None:
    assert code(ask("POST", "v2/notes", note(ada, content="x" * 1_000_001))) == (
        413,
        "validation_type",
    )


def test_text_of_a_task_cannot_change(ask: Ask) -> None:
    data = {"content": "Call", "format": "plaintext", "deadline_at": None, "is_completed": False}
    made = ask("POST", "v2/tasks", {"data": {**data, "linked_records": [], "assignees": []}})
    path = f"v2/tasks/{made.json()['data']['id']['task_id']}"
    assert code(ask("PATCH", path, {"data": {"content": "Write"}})) == (400, "validation_type")
    done = ask("PATCH", path, {"data": {"is_completed": True}}).json()["data"]
    assert NINE.fullmatch(done["completed_at"])


# ---------------------------------------------------------------- limits, faults, the page


def test_limit_is_refused_with_a_date(start: Any) -> None:
    world = start(limits="on")
    world.faults()
    conn = world.connect()
    request = Request(method="GET", path="v2/notes", accept=ANY)
    answers = [answer for answer in conn.http.map([request] * 11) if isinstance(answer, Response)]
    [refused] = [answer for answer in answers if answer.status == 429]
    assert code(refused) == (429, "rate_limit_exceeded")
    until = parsedate_to_datetime(refused.headers["retry-after"])
    assert 0 <= (until - parsedate_to_datetime(refused.headers["date"])).total_seconds() <= 2


def test_other_workspace_has_limits_of_its_own(start: Any) -> None:
    world = start(tokens=("one", "two"), limits="on")
    request = Request(method="GET", path="v2/notes", accept=ANY)
    for token in ("one", "two"):
        answers = world.connect(token).http.map([request] * 10)
        assert [getattr(answer, "status", None) for answer in answers] == [200] * 10


def test_page_shows_people_with_their_notes(ask: Ask, ada: str) -> None:
    ask("POST", "v2/notes", note(ada, title="Intro <b>"))
    page = ask("GET", "").text
    assert "ada@example.com" in page
    assert "Intro &lt;b&gt;" in page


def test_admin_refuses_what_it_does_not_know(ask: Ask) -> None:
    for action in ("nothing", "delete_record"):
        body = {"action": action, "object": "people", "record_id": "x"}
        assert ask("POST", "__sandbox__/admin", body).status == 404


def test_admin_is_reached_over_http(ask: Ask, world: Any) -> None:
    body = {
        "action": "create_record",
        "object": "people",
        "values": {"email_addresses": ["ada@example.com"]},
    }
    made = ask("POST", "__sandbox__/admin", body).json()
    assert world.person("ada@example.com").id == made["record_id"]


def test_deleted_persons_notes_are_gone(ask: Ask, world: Any, ada: str) -> None:
    ask("POST", "v2/notes", note(ada))
    world.admin("delete_record", object="people", record_id=ada)
    path = f"v2/notes?parent_object=people&parent_record_id={ada}"
    assert ask("GET", path).json() == {"data": []}


def test_lost_answer_is_committed(ask: Ask, world: Any, ada: str) -> None:
    world.faults(Fault(kind="lost_answer", method="DELETE", times=1))
    assert ask("DELETE", f"{RECORDS}/{ada}").status == 404
    assert world.people() == []
