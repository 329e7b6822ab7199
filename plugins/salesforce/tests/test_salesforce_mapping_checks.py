"""`check` holds a mapping against the org: each finding with its remedy."""

from __future__ import annotations

from typing import Any

import pytest

from crmwire.errors import RetryLater
from crmwire.mapping import Mapping, load_mapping
from crmwire.mapping_form import parse_toml
from crmwire.sandbox import Fault
from crmwire_salesforce.info import SalesforceMapping


@pytest.fixture
def found(lab: Any) -> Any:
    """What is found of a preset with these changes; findings that are fine are left out."""

    def check(preset: str = "timerex", crm: Any = None, rows: Any = None, **options: Any) -> Any:
        raw = parse_toml(lab.conn.hooks.presets()[preset], preset)
        raw["crm"] = crm or {}
        for path, row in (rows or {}).items():
            *steps, name = path.split(".")
            table = raw
            for step in steps:
                table = table[step]
            table[name] = row
        mapping: Mapping = load_mapping(raw, options=options, mapping_class=SalesforceMapping)
        findings = lab.conn.hooks.check_mapping(mapping)
        assert all(one.remedy for one in findings if one.level != "ok")
        return {one.subject: (one.level, one.message) for one in findings if one.level != "ok"}

    return check


@pytest.mark.parametrize("preset", ["linktime", "timerex", "jicoo", "relation"])
def test_the_presets_fit_a_fresh_org(found: Any, preset: str) -> None:
    assert found(preset) == {}


def test_a_required_field_that_is_not_filled_is_found(lab: Any, found: Any) -> None:
    lab.admin("set_required_field", type="Lead", field="Region__c")
    assert found()["person Lead.Region__c"][0] == "error"
    assert found(object="Contact") == {}, "nobody creates leads then"
    assert found(rows={"person.fields.Lead.Region__c": "x"}) == {}


def test_a_hidden_field_is_found_as_missing_or_hidden(lab: Any, found: Any) -> None:
    lab.admin("hide_field", type="Lead", field="Phone")
    level, message = found()["person Lead.Phone"]
    assert level == "error"
    assert message == "The field is missing or hidden by field-level security."


def test_a_field_that_nobody_may_write_is_found(found: Any) -> None:
    assert found(rows={"person.fields.Lead.Name": "x"})["person Lead.Name"][0] == "error"


def test_a_value_that_a_restricted_picklist_lacks_is_found(lab: Any, found: Any) -> None:
    lab.admin("restrict_picklist", type="Lead", field="LeadSource", options=["Web"])
    assert found(rows={"person.fields.Lead.LeadSource": "Web"}) == {}
    level, message = found(rows={"person.fields.Lead.LeadSource": "TimeRex"})[
        "person Lead.LeadSource"
    ]
    assert (level, "'TimeRex'" in message) == ("error", True)


def test_values_that_come_from_options_are_looked_at_too(lab: Any, found: Any) -> None:
    lab.admin("restrict_picklist", type="Lead", field="Company", options=["A", "B"])
    row = {"person.fields.Lead.Company": "{{ options.no_company }}"}
    assert found(rows=row, no_company="A") == {}
    assert "person Lead.Company" in found(rows=row, no_company="C")


def test_a_text_that_is_too_long_is_found_unless_it_is_cut(found: Any) -> None:
    long = "x" * 50
    assert "41" not in found(rows={"person.fields.Lead.City": "y"})
    level, message = found(rows={"person.fields.Lead.City": long})["person Lead.City"]
    assert (level, message) == ("error", "The text has 50 characters, the field takes 40.")
    assert found(rows={"person.fields.Lead.City": {"value": long, "cut": True}}) == {}


RULE = "duplicate rule Standard Lead Duplicate Rule"


def test_a_duplicate_rule_is_said_to_block_or_to_alert(lab: Any, found: Any) -> None:
    lab.admin("duplicate_rule", mode="block")
    level, message = found()[RULE]
    assert (level, message.split(":")[0]) == (
        "warning",
        "It blocks new records of Lead that look like others",
    )
    assert RULE in found(crm={"duplicate_rule": "allow_save"}), "a rule that blocks blocks this too"
    lab.admin("duplicate_rule", mode="alert")
    level, message = found()[RULE]
    assert level == "warning"
    assert message.startswith("It alerts, and so refuses")
    assert found(crm={"duplicate_rule": "allow_save"}) == {}
    assert found(crm={"duplicate_rule": "use_match"}) == {}


def test_only_the_rules_of_types_that_are_created_matter(lab: Any, found: Any) -> None:
    lab.admin("duplicate_rule", mode="block")
    assert set(found(object="Contact")) == {"duplicate rule Standard Contact Duplicate Rule"}
    assert found("relation") == {}


def test_rules_that_cannot_be_read_are_named_without_what_they_do(lab: Any, found: Any) -> None:
    lab.admin("duplicate_rule", mode="block")
    lab.admin("refuse", code="FUNCTIONALITY_NOT_ENABLED", status=403, where="ui_api", times=9)
    level, message = found()[RULE]
    assert level == "warning"
    assert "cannot be read by this user" in message


def test_it_is_said_that_a_user_can_read_no_rules(lab: Any) -> None:
    lab.admin("refuse", code="INSUFFICIENT_ACCESS", status=403, where="ui_api", times=9)
    lab.admin("refuse", code="INVALID_TYPE", where="query", times=9)
    raw = parse_toml(lab.conn.hooks.presets()["timerex"], "timerex")
    mapping = load_mapping(raw, mapping_class=SalesforceMapping)
    (told,) = [f for f in lab.conn.hooks.check_mapping(mapping) if f.subject == "duplicate rules"]
    assert told.level == "ok"
    assert "shows only when it does" in told.message


def test_a_rule_that_cannot_be_asked_for_just_now_is_no_finding(lab: Any, found: Any) -> None:
    lab.arm(Fault(kind="status", path="ui-api", status=503))
    with pytest.raises(RetryLater):
        found()


def test_fields_that_an_event_changes_of_a_person_are_held_against_the_org(found: Any) -> None:
    on = {"cancelled": {"fields": {"Rating": "Cold", "No_Such__c": "x"}}}
    assert found(rows={"person.on": on})["person Lead.No_Such__c"][0] == "error"


def test_a_field_that_is_only_filled_by_a_change_does_not_fill_a_new_record(
    lab: Any, found: Any
) -> None:
    lab.admin("set_required_field", type="Lead", field="Region__c")
    on = {"cancelled": {"fields": {"Region__c": "x"}}}
    assert "requires this field" in found(rows={"person.on": on})["person Lead.Region__c"][1]


def test_a_state_without_its_country_is_found_where_the_org_has_lists(new_lab: Any) -> None:
    findings = {}
    for picklists in ("no", "yes"):
        lab = new_lab(state_picklists=picklists)
        for extra in ({}, {"Country": "{{ answers.country }}"}, {"CountryCode": "US"}):
            raw = parse_toml(lab.conn.hooks.presets()["timerex"], "timerex")
            raw["person"]["fields"]["Lead"] |= {"State": "{{ answers.state }}", **extra}
            mapping = load_mapping(raw, mapping_class=SalesforceMapping)
            findings[picklists, "".join(extra)] = [
                one.level
                for one in lab.conn.hooks.check_mapping(mapping)
                if one.subject == "person Lead.State"
            ]
    assert findings == {
        ("no", ""): [],
        ("no", "Country"): [],
        ("no", "CountryCode"): [],
        ("yes", ""): ["error"],
        ("yes", "Country"): ["warning"],
        ("yes", "CountryCode"): ["warning"],
    }


def test_an_external_id_field_that_cannot_be_written_by_is_found(lab: Any, found: Any) -> None:
    crm = {"external_id": "Booking_Id__c"}
    assert found(crm=crm, register_activity=True) == {}, "without it, look-ups are by content"
    lab.admin("add_field", type="Activity", field="Booking_Id__c")
    lab.conn.forget_cached("salesforce:describe:2:62.0:Event")
    assert found(crm=crm)["external id Event.Booking_Id__c"][0] == "error"


def test_a_fallback_owner_who_is_not_active_is_found(lab: Any, found: Any) -> None:
    crm = {"fallback_owner": "desk@example.com"}
    assert found(crm=crm)["fallback owner"][0] == "error"
    lab.add("User", LastName="Desk", Username="d@example.com", Email="desk@example.com")
    lab.conn.forget_cached("salesforce:user:desk@example.com")
    assert found(crm=crm) == {}


def test_person_accounts_that_the_org_has_not_are_found(found: Any) -> None:
    assert found(crm={"person_accounts": True})["person accounts"][0] == "error"


def test_a_record_type_that_the_user_may_not_give_is_found(lab: Any, found: Any) -> None:
    good = lab.admin("add_record_type", type="Lead", name="Customer")["id"]
    bad = lab.admin("add_record_type", type="Lead", name="Partner", available=False)["id"]
    row = "person.fields.Lead.RecordTypeId"
    assert found(rows={row: good}) == {}
    assert found(rows={row: bad})["person Lead.RecordTypeId"][0] == "error"


def test_a_version_of_the_api_that_the_org_lacks_is_found(lab: Any) -> None:
    for version in ("99.0", "25.0"):  # not yet there, and retired
        report = lab.connect(api_version=version).hooks.check_connection()
        (finding,) = [one for one in report.findings if one.level == "error"]
        assert finding.subject == "api_version"
        assert "31.0 to 66.0" in finding.remedy


def test_a_field_for_a_mark_that_is_not_there_is_found(found: Any) -> None:
    assert found(rows={"activity.mark": "No_Such__c"}, register_activity=True) == {
        "activity Event.No_Such__c": (
            "error",
            "The field is missing or hidden by field-level security.",
        )
    }
    assert found(rows={"activity.mark": "Location"}, register_activity=True) == {}
