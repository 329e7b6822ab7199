"""Who is connected, what the user may do, which fields there are."""

from __future__ import annotations

from typing import Any

import pytest

import crmwire_salesforce
from crmwire.errors import ConfigurationError, NeedsLogin, RetryLater
from crmwire.mapping import load_mapping
from crmwire.sandbox import Fault
from crmwire.testing import connect


def problems(report: Any) -> list[tuple[str, str]]:
    return [(f.subject, f.level) for f in report.findings if f.level != "ok"]


def test_the_org_and_the_user_are_named(lab: Any) -> None:
    report = lab.conn.hooks.check_connection()
    org = lab.app.orgs["sandbox"]
    assert report.account_id == org.org_id
    assert len(report.account_id) == 18
    assert report.account_name == "Example Ltd 1"
    assert report.tier == "Developer Edition"
    assert (report.user_id, report.user_name) == (org.user_id, "Integration User")
    assert problems(report) == []


def test_the_check_is_one_api_call_and_one_that_does_not_count(lab: Any) -> None:
    lab.conn.hooks.check_connection()
    paths = [call["path"] for call in lab.calls()]
    assert paths == ["/services/oauth2/userinfo", "/services/data/v62.0/composite"]
    assert lab.app.orgs["sandbox"].used == 1


def test_the_check_warms_up_the_descriptions(lab: Any) -> None:
    lab.conn.hooks.check_connection()
    lab.calls()
    assert lab.conn.hooks.list_fields("Contact")
    assert lab.calls() == []


def test_a_wrong_token_needs_a_login(lab: Any) -> None:
    with pytest.raises(NeedsLogin) as caught:
        lab.connect(token="wrong").hooks.check_connection()
    assert caught.value.code == "Bad_OAuth_Token"


def test_a_user_who_is_not_active_is_found(lab: Any) -> None:
    org = lab.app.orgs["sandbox"]
    who = {"user_id": org.user_id, "organization_id": org.org_id, "name": "Ann", "active": False}
    lab.arm(Fault(kind="status", status=200, path="userinfo", body=who))
    assert problems(lab.conn.hooks.check_connection()) == [("user", "error")]


def test_an_org_without_api_access_is_found(lab: Any) -> None:
    lab.admin("set_api_access", enabled=False)
    report = lab.conn.hooks.check_connection()
    assert problems(report) == [("edition", "error")]
    assert report.account_id == lab.app.orgs["sandbox"].org_id
    assert "API Enabled" in report.findings[0].remedy


def test_missing_rights_are_found(lab: Any) -> None:
    lab.admin("set_object_rights", type="Contact", updateable=False)
    lab.admin("set_object_rights", type="Event", createable=False, updateable=False)
    report = lab.conn.hooks.check_connection()
    assert problems(report) == [("Contact", "error"), ("Event", "error")]
    assert [f.message for f in report.findings if f.level == "error"] == [
        "The user may not edit records of Contact.",
        "The user may not create or edit records of Event.",
    ]


def test_an_object_that_cannot_be_seen_is_found(lab: Any) -> None:
    del lab.app.orgs["sandbox"].schemas["event"]
    assert problems(lab.conn.hooks.check_connection()) == [("Event", "error")]


def test_a_login_host_is_told_from_the_orgs_own(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from crmwire_salesforce import checking

    monkeypatch.setattr(checking, "_LOGIN_HOSTS", ("127.0.0.1",))
    report = lab.conn.hooks.check_connection()
    assert problems(report) == [("host", "error")]
    assert lab.url in report.findings[0].remedy
    assert len(lab.calls()) == 1


def test_nonsense_is_to_be_tried_again(lab: Any) -> None:
    lab.arm(Fault(kind="status", status=200, path="userinfo", body=[]))
    with pytest.raises(RetryLater):
        lab.conn.hooks.check_connection()


def test_only_hosts_of_salesforce_get_the_token() -> None:
    with pytest.raises(ConfigurationError):
        connect(crmwire_salesforce, "https://salesforce.com.example.com")
    conn = connect(crmwire_salesforce, "https://example.my.salesforce.com")
    assert conn.http.base_url == "https://example.my.salesforce.com"


def test_fields_are_listed_with_what_matters(lab: Any) -> None:
    fields = {field.name: field for field in lab.conn.hooks.list_fields("Contact")}
    assert (fields["LastName"].required, fields["LastName"].length) == (True, 80)
    assert (fields["FirstName"].required, fields["FirstName"].label) == (False, "First Name")
    assert not fields["Name"].writable
    assert not fields["Email"].unique
    events = {field.name: field for field in lab.conn.hooks.list_fields("Event")}
    assert events["ShowAs"].options == ("Busy", "OutOfOffice", "Free")
    assert events["Subject"].options == ()


def test_fields_of_an_unknown_object_cannot_be_listed(lab: Any) -> None:
    assert lab.conn.hooks.list_fields("Thing__c") is None
    assert lab.conn.hooks.list_fields("../User") is None
    assert len(lab.calls()) == 1


def test_fields_that_a_mapping_names_wrongly_are_found(lab: Any) -> None:
    mapping = load_mapping(
        {
            "title": "Test",
            "person": {
                "look_in": ["Contact"],
                "match": ["Email"],
                "create": "Contact",
                "fields": {
                    "Contact": {
                        "Email": "{{ guest.email }}",
                        "Name": "{{ guest.full_name }}",
                        "Booking__c": "{{ booking.url }}",
                    },
                    "Thing__c": {"Name": "{{ guest.full_name }}"},
                },
            },
            "activity": {
                "object": "Event",
                "fields": {"subject": "{{ page.title }}"},
                "on": {"cancelled": {"fields": {"Cancelled__c": "{{ true }}"}}},
            },
        }
    )
    found = {f.subject: f for f in lab.conn.hooks.check_mapping(mapping)}
    assert set(found) == {
        "person Contact.Name",
        "person Contact.LastName",
        "person Contact.Booking__c",
        "person Thing__c",
        "activity Event.Cancelled__c",
    }
    assert "missing or hidden by field-level security" in found["person Contact.Booking__c"].message
    assert "write" in found["person Contact.Name"].message


@pytest.mark.parametrize(
    ("used", "budget", "warned"),
    [(10, None, False), (85, None, True), (50, 0.4, True), (30, 0.4, False)],
)
def test_check_warns_when_the_days_calls_run_out(
    new_lab: Any, used: int, budget: float | None, warned: bool
) -> None:
    lab = new_lab(daily_limit="100")
    lab.app.orgs["sandbox"].used = used - 1
    report = lab.connect(budget_share=budget).hooks.check_connection()
    told = [one for one in report.findings if one.subject == "API calls"]
    assert [one.level for one in told] == ["warning"] * warned
    for one in told:
        assert one.message.startswith(f"{used} of 100 were used in the last 24 hours ({used}%)")
        assert one.remedy


# ---------------------------------------------------------------- descriptions that are kept


def test_a_description_that_has_not_changed_is_not_sent_again(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmwire_salesforce.describing.KEPT_FOR", 0.0)
    first = lab.conn.hooks.list_fields("Lead")
    assert lab.conn.hooks.list_fields("Lead") == first
    assert [call["status"] for call in lab.calls()] == [200, 304]
    lab.admin("hide_field", type="Lead", field="Phone")
    names = {field.name for field in lab.conn.hooks.list_fields("Lead")}
    assert "Phone" not in names
    assert [call["status"] for call in lab.calls() if "describe" in call["path"]] == [200]
    lab.admin("add_field", type="Lead", field="Region__c")
    assert "Region__c" in {field.name for field in lab.conn.hooks.list_fields("Lead")}


def test_what_check_reads_is_compared_too(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmwire_salesforce.describing.KEPT_FOR", 0.0)
    lab.conn.hooks.check_connection()
    lab.calls()
    assert lab.conn.hooks.list_fields("Event")
    assert [call["status"] for call in lab.calls()] == [304]
