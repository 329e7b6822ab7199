"""`crmwire check` and `crmwire setup` before a portal: every finding with its remedy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from crmwire.cli import cli
from crmwire.errors import NotAllowed
from crmwire.types import Finding, SetupStep
from crmwire.vocabulary import Person

CONTACTS_WRITE, COMPANIES_WRITE = "crm.schemas.contacts.write", "crm.schemas.companies.write"


def problems(scene: Any) -> list[Any]:
    return [one for one in scene.app.check("hubspot").findings if one.level != "ok"]


def _found(scene: Any) -> dict[str, Finding]:
    return {one.subject: one for one in problems(scene)}


def _rows(**names: str) -> dict[str, Any]:
    return {"person": {"contacts": names}}


# ---------------------------------------------------------------- check


@pytest.mark.parametrize("preset", ["linktime", "timerex"])
def test_the_presets_fit_a_fresh_portal(scene: Any, preset: str) -> None:
    scene.route(preset)
    assert _found(scene) == {}


def test_linktime_fits_with_all_its_options(scene: Any) -> None:
    options = {"companies": True, "own_contacts": True, "deal_parameter": "deal"}
    scene.route("linktime", options=options)
    assert _found(scene) == {}


@pytest.mark.parametrize(
    ("name", "told"), [("shoe_size", "no such property"), ("createdate", "cannot be written")]
)
def test_a_property_that_is_not_there_or_not_writable_is_an_error(
    scene: Any, name: str, told: str
) -> None:
    scene.route("linktime", rows=_rows(**{name: "{{ guest.phone }}"}), check=False)
    finding = _found(scene)[f"person contacts.{name}"]
    assert (finding.level, told in finding.message) == ("error", True)
    assert "crmwire fields" in finding.remedy


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("lead", True),
        ("Lead", False),
        ("{{ 'Lead' if options.create_people else 'lead' }}", False),
        ("{{ guest.title }}", True),
    ],
)
def test_options_are_compared_exactly_where_the_value_is_sure(
    scene: Any, value: str, fits: bool
) -> None:
    scene.route("linktime", rows=_rows(lifecyclestage=value), check=False)
    found = _found(scene)
    if fits:
        assert found == {}
    else:
        finding = found["person contacts.lifecyclestage"]
        assert "It has lead, and compares exactly." in finding.message
        assert "subscriber" in finding.remedy


def test_the_outcomes_of_moved_and_cancelled_meetings_are_checked_too(scene: Any) -> None:
    scene.vendor.admin(
        "set_options", type="meetings", name="hs_meeting_outcome", options=["SCHEDULED"]
    )
    scene.route("linktime")
    findings = problems(scene)
    told = {one.message.split(":")[0].rpartition(" ")[2] for one in findings}
    assert told == {"RESCHEDULED", "CANCELED", "NO_SHOW", "COMPLETED"}
    assert {one.level for one in findings} == {"warning"}


def test_an_association_that_hubspot_does_not_have_is_an_error(scene: Any) -> None:
    rows = {"activity": {"associations.quotes": "{{ tracking.quote }}"}}
    scene.route("linktime", rows=rows, check=False)
    assert "cannot be associated with quotes" in (
        _found(scene)["activity meetings.associations.quotes"].message
    )


def test_what_the_account_demands_and_the_mapping_does_not_fill_is_an_error(scene: Any) -> None:
    scene.vendor.admin("grant_scope", scope="crm.schemas.contacts.read")
    for name in ("company", "lastname"):
        scene.vendor.admin("set_required_property", type="contacts", name=name)
    scene.route("linktime", check=False)
    finding = _found(scene)["contacts.company"]
    assert "demands this property" in finding.message
    assert "contacts.lastname" not in _found(scene)


def test_legacy_paths_do_not_enforce_what_the_account_demands(scene: Any) -> None:
    scene.vendor.admin("grant_scope", scope="crm.schemas.contacts.read")
    scene.vendor.admin("set_required_property", type="contacts", name="company")
    scene.route("linktime", settings={"api_version": "v3"})
    assert _found(scene) == {}


@pytest.mark.parametrize(
    ("scope", "lost"),
    [
        ("crm.objects.contacts.read", "contacts cannot be looked up"),
        ("crm.objects.companies.read", "companies cannot be looked up"),
        ("crm.objects.owners.read", "owners cannot be found"),
    ],
)
def test_a_missing_scope_says_which_capability_is_lost(scene: Any, scope: str, lost: str) -> None:
    scene.route("linktime", options={"companies": True})
    scene.vendor.admin("revoke_scope", scope=scope)
    findings = [one for one in _found(scene).values() if scope in one.message]
    assert findings
    assert all(lost in one.message and scope in one.remedy for one in findings)


def test_companies_need_no_scope_while_their_option_is_off(scene: Any) -> None:
    scene.vendor.admin("revoke_scope", scope="crm.objects.companies.read")
    scene.route("linktime")
    assert _found(scene) == {}


def test_a_read_scope_for_schemas_does_not_hide_that_contacts_cannot_be_read(scene: Any) -> None:
    scene.vendor.admin("grant_scope", scope="crm.schemas.contacts.read")
    scene.route("linktime")
    scene.vendor.admin("revoke_scope", scope="crm.objects.contacts.read")
    assert "contacts" in _found(scene)


@pytest.mark.parametrize(
    ("scope", "lost"),
    [
        ("crm.objects.contacts.write", "neither contacts nor meetings can be written"),
        ("crm.objects.companies.read", "companies cannot be looked up"),
        ("crm.objects.companies.write", "companies cannot be written"),
    ],
)
def test_a_delivery_that_lacks_a_scope_is_held_and_names_what_is_lost(
    scene: Any, scope: str, lost: str
) -> None:
    scene.route("timerex")
    scene.vendor.admin("revoke_scope", scope=scope)
    assert scene.happen(scene.event(guest=_guest())) == ["held"]
    (row,) = scene.rows()
    assert row.failure == "not_allowed"
    assert lost in row.reason
    assert scope in row.remedy


def _guest() -> Person:
    return Person(email="taro@sample.example", full_name="Taro Sample", company="Sample")


def test_fields_are_listed_by_group_with_what_can_be_associated(scene: Any) -> None:
    scene.route("linktime")
    conn = scene.app.openings.connection(scene.app.store.connection("hubspot"))
    groups: dict[str, set[str]] = {}
    for field in conn.hooks.list_fields("meetings") or ():
        groups.setdefault(field.group, set()).add(field.name)
    assert groups["associations"] >= {"associations.deals", "associations.companies"}
    assert "hs_meeting_title" in groups["meeting"]
    lengths = {field.name: field.length for field in conn.hooks.list_fields("contacts") or ()}
    assert lengths["firstname"] == 65_536
    assert lengths["lifecyclestage"] is None


# ---------------------------------------------------------------- setup


def _set_up(scene: Any, *steps: str) -> dict[str, SetupStep]:
    conn = scene.app.openings.connection(scene.app.store.connection("hubspot"))
    (row,) = scene.app.store.routes()
    mapping = scene.app.openings.mapping(row)
    return {one.id: one for one in conn.hooks.set_up(mapping, list(steps))}


def _grant(scene: Any, *scopes: str) -> None:
    for scope in scopes:
        scene.vendor.admin("grant_scope", scope=scope)


def test_setup_tells_what_could_be_made_and_changes_nothing(scene: Any) -> None:
    _grant(scene, CONTACTS_WRITE, COMPANIES_WRITE)
    scene.route("timerex", rows=_rows(booking_source="{{ source.title }}"), check=False)
    steps = _set_up(scene)
    assert {name: step.state for name, step in steps.items()} == {
        "companies.crmwire_domain": "todo",
        "contacts.booking_source": "todo",
    }
    assert all(one["method"] == "GET" for one in scene.vendor.app.requests)


def test_setup_makes_what_was_asked_for_and_can_be_repeated(scene: Any) -> None:
    _grant(scene, CONTACTS_WRITE, COMPANIES_WRITE)
    scene.route("linktime", rows=_rows(booking_source="{{ source.title }}"), check=False)
    assert _set_up(scene, "contacts.booking_source")["contacts.booking_source"].state == "done"
    assert _found(scene) == {}
    scene.vendor.forget()
    assert _set_up(scene, "contacts.booking_source")["contacts.booking_source"].state == "done"
    assert not [call for call in scene.vendor.calls if call.startswith("POST")]
    assert scene.happen(scene.event()) == ["delivered"]
    (contact,) = scene.records("contacts")
    assert contact.properties["booking_source"] == "Cal.com"


def test_setup_takes_what_somebody_made_meanwhile_as_made(scene: Any) -> None:
    _grant(scene, CONTACTS_WRITE)
    scene.route("linktime", rows=_rows(booking_source="{{ source.title }}"), check=False)
    _set_up(scene)
    scene.vendor.admin("add_property", type="contacts", name="booking_source")
    assert _set_up(scene, "contacts.booking_source")["contacts.booking_source"].state == "done"


def test_setup_explains_which_scope_is_missing(scene: Any) -> None:
    scene.route("linktime", rows=_rows(booking_source="{{ source.title }}"), check=False)
    step = _set_up(scene, "contacts.booking_source")["contacts.booking_source"]
    assert step.state == "impossible"
    assert CONTACTS_WRITE in step.remedy
    assert "Settings, Properties" in step.remedy


def test_setup_explains_that_no_app_can_make_properties_of_meetings(scene: Any) -> None:
    rows = {"activity": {"booking_id": "{{ page.id }}"}}
    scene.route("linktime", rows=rows, check=False)
    step = _set_up(scene, "meetings.booking_id")["meetings.booking_id"]
    assert step.state == "impossible"
    assert "an administrator makes it" in step.remedy
    assert not [call for call in scene.vendor.calls if call.startswith("POST")]


def test_a_unique_domain_finds_and_makes_companies_in_one_call(scene: Any) -> None:
    _grant(scene, COMPANIES_WRITE)
    scene.route("linktime", options={"companies": True})
    _set_up(scene, "companies.crmwire_domain")
    raw = scene.app.preset("hubspot", "linktime")
    raw["company"] |= {"match": ["link", "crmwire_domain"], "write": "always"}
    raw["company"]["fields"]["companies"] = {
        "crmwire_domain": "{{ guest.email }}",
        "domain": "{{ guest.email }}",
        "name": "{{ guest.company }}",
    }
    scene.app.remove_route("cal-hubspot")
    scene.app.add_route(
        feed="cal",
        connection="hubspot",
        preset="linktime",
        mapping=raw,
        options={"companies": True},
        since=scene.first,
    )
    scene.vendor.forget()
    assert scene.happen(scene.event(guest=_guest()))[-1] == "delivered"
    assert scene.happen(scene.event(guest=_guest()))[-1] == "delivered"
    (company,) = scene.records("companies")
    assert company.properties["crmwire_domain"] == "sample.example"
    assert scene.vendor.calls[:4] == [
        "POST companies/batch/upsert",
        "POST contacts/batch/upsert",
        "POST contacts/companies/batch/create",
        "POST meetings/batch/create",
    ]


def test_setup_without_a_route_offers_what_any_mapping_may_use(scene: Any) -> None:
    scene.route("linktime")
    conn = scene.app.openings.connection(scene.app.store.connection("hubspot"))
    (step,) = conn.hooks.set_up(None, [])
    assert (step.id, step.state) == ("companies.crmwire_domain", "todo")
    scene.vendor.admin("revoke_scope", scope="crm.objects.companies.read")
    conn.forget_cached("properties:companies")
    with pytest.raises(NotAllowed):
        conn.hooks.set_up(None, [])


# ---------------------------------------------------------------- the commands


def _run(scene: Any, *arguments: str) -> Any:
    return CliRunner().invoke(cli, ["--home", str(scene.app.home), *arguments])


def test_the_command_fields_lists_properties_by_group(scene: Any) -> None:
    scene.route("linktime")
    told = _run(scene, "fields", "hubspot", "contacts")
    assert told.exit_code == 0, told.output
    lines = [line.split()[:5] for line in told.output.splitlines()]
    assert ["contactinformation", "email", "Email", "string", "65536"] in lines
    assert not any("createdate" in line for line in lines)


def test_the_command_setup_makes_properties_and_says_what_is_impossible(scene: Any) -> None:
    _grant(scene, CONTACTS_WRITE)
    rows = {**_rows(booking_source="{{ source.title }}"), "activity": {"booking_id": "x"}}
    scene.route("linktime", rows=rows, check=False)
    told = _run(scene, "setup", "hubspot", "--json")
    states = {step["id"]: step["state"] for step in json.loads(told.stdout)}
    assert states == {"contacts.booking_source": "todo", "meetings.booking_id": "impossible"}
    told = _run(scene, "setup", "hubspot", "--yes")
    assert told.exit_code == 1
    assert "booking_source" in told.output
    portal = scene.vendor.app.accounts["sandbox"]
    assert portal.properties["contacts"]["booking_source"].group == "crmwire"
    assert "booking_id" not in portal.properties["meetings"]


def test_an_object_type_that_hubspot_does_not_know_is_one_finding(
    scene: Any,
) -> None:
    mapping = scene.preset("linktime", activity={"object": "meeting_events"})
    scene.route("linktime", mapping=mapping, check=False)
    found = _found(scene)["meeting_events"]
    assert "knows no such object type" in found.message
    assert "meetings" in found.remedy
    conn = scene.app.openings.connection(scene.app.store.connection("hubspot"))
    assert conn.hooks.list_fields("nosuch") == []
