"""The account: who it is, its limits, its fields; and what the plugin says of itself."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest

import crmwire_hubspot
from crmwire.errors import ConfigurationError, NotAllowed, RetryLater
from crmwire.sandbox import Fault
from crmwire_hubspot.info import INFO
from crmwire_hubspot.limits import day_over_in, read_limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmwire.connections import Connection


def problems(report: Any) -> list[Any]:
    return [one for one in report.findings if one.level != "ok"]


def test_the_check_tells_tier_and_calls_and_warns_when_the_day_is_nearly_over(
    new_vendor: Callable[..., Any],
) -> None:
    vendor = new_vendor(daily="80")
    told = vendor.connect(budget_share=0.5).hooks.check_connection().findings[-1]
    assert (told.level, told.subject) == ("ok", "API calls")
    assert "Free or Starter: 100 calls in 10 s; 1 of the day's 80 were used (1%)" in told.message
    assert "At 50% crmwire waits" in told.message
    for _ in range(66):
        vendor.send("GET", "/crm/objects/2026-09/contacts")
    warned = vendor.connect().hooks.check_connection().findings[-1]
    assert warned.level == "warning"
    assert "midnight" in warned.remedy


def test_the_check_says_which_account_it_is(conn: Connection, vendor: Any) -> None:
    report = conn.hooks.check_connection()
    portal = vendor.app.accounts["sandbox"]
    assert report.account_id == str(portal.portal_id)
    assert report.account_id in report.account_name
    assert report.tier == "Free or Starter"
    assert {(limit.name, limit.calls, limit.seconds) for limit in report.limits} == {
        ("calls", 100, 10.0),
        ("search", 5, 1.0),
        ("daily", 250_000, 86_400.0),
    }
    assert problems(report) == []


@pytest.mark.parametrize(
    ("burst", "daily", "tier"),
    [
        ("100", "250000", "Free or Starter"),
        ("190", "625000", "Professional"),
        ("190", "1000000", "Enterprise"),
        ("190", "2000000", "Professional or Enterprise"),
        ("250", "1000000", "API limit increase"),
        ("7", "250000", "7 calls in 10 s"),
    ],
)
def test_the_tier_is_learned_from_the_headers(
    new_vendor: Callable[..., Any], burst: str, daily: str, tier: str
) -> None:
    report = new_vendor(burst=burst, daily=daily).connect().hooks.check_connection()
    assert report.tier == tier
    limits = {limit.name: limit.calls for limit in report.limits}
    assert limits == {"calls": int(burst), "search": 5, "daily": int(daily)}


@pytest.mark.parametrize(
    ("scope", "level", "subjects"),
    [
        ("crm.objects.contacts.read", "error", ["contacts", "meetings"]),
        ("crm.objects.owners.read", "warning", ["owners"]),
    ],
)
def test_a_missing_scope_is_a_finding_that_names_it(
    conn: Connection, vendor: Any, scope: str, level: str, subjects: list[str]
) -> None:
    vendor.admin("revoke_scope", scope=scope)
    findings = problems(conn.hooks.check_connection())
    assert [finding.subject for finding in findings] == subjects
    assert {finding.level for finding in findings} == {level}
    assert all(scope in finding.remedy for finding in findings)


def test_fields_are_listed_and_read_once_an_hour(conn: Connection, vendor: Any) -> None:
    fields = {field.name: field for field in conn.hooks.list_fields("contacts") or ()}
    conn.hooks.list_fields("contacts")
    assert vendor.calls == ["GET properties/2026-09/contacts"]
    assert fields["email"].unique
    assert fields["email"].group == "contactinformation"
    assert fields["firstname"].writable
    assert not fields["createdate"].writable
    assert fields["lifecyclestage"].type == "enumeration"
    assert "lead" in fields["lifecyclestage"].options
    assert "hs_all_contact_vids" not in fields


def test_fields_without_the_scope_are_not_allowed(conn: Connection, vendor: Any) -> None:
    vendor.admin("revoke_scope", scope="crm.objects.companies.read")
    with pytest.raises(NotAllowed, match=r"crm\.objects\.companies\.read"):
        conn.hooks.list_fields("companies")


def test_the_check_reads_fields_anew(conn: Connection, vendor: Any) -> None:
    conn.hooks.list_fields("contacts")
    vendor.admin("add_property", type="contacts", name="shoe_size")
    conn.hooks.check_connection()
    assert "shoe_size" in {field.name for field in conn.hooks.list_fields("contacts") or ()}


def test_an_unknown_api_version_is_refused_when_the_connection_opens(vendor: Any) -> None:
    with pytest.raises(ConfigurationError, match="2026-09, 2026-03, v3"):
        vendor.connect(api_version="v1")


@pytest.mark.parametrize(
    ("version", "paths"),
    [
        (None, ["/account-info/2026-09/details", "/crm/properties/2026-09/contacts"]),
        ("2026-03", ["/account-info/2026-03/details", "/crm/properties/2026-03/contacts"]),
        ("v3", ["/account-info/v3/details", "/crm/v3/properties/contacts"]),
    ],
)
def test_each_version_has_its_paths(vendor: Any, version: str | None, paths: list[str]) -> None:
    vendor.connect(api_version=version).hooks.check_connection()
    assert [one["path"] for one in vendor.app.requests][:2] == paths


def test_requests_carry_the_token_and_ask_for_json(conn: Connection) -> None:
    assert conn.scheme.template == "Bearer {token}"
    assert conn.info.request_id_header == "x-hubspot-correlation-id"


def test_limits_are_read_from_the_headers() -> None:
    headers = {
        "x-hubspot-ratelimit-remaining": "0",
        "x-hubspot-ratelimit-interval-milliseconds": "10000",
        "x-hubspot-ratelimit-daily": "250000",
        "x-hubspot-ratelimit-daily-remaining": "4711",
    }
    states = {state.name: state for state in read_limits(headers)}
    assert (states["calls"].remaining, states["calls"].resets_in) == (0, 10.0)
    assert (states["daily"].remaining, states["daily"].total) == (4711, 250_000)


def test_an_exhausted_day_closes_every_limit() -> None:
    states = read_limits({"x-hubspot-ratelimit-daily-remaining": "0"})
    assert {state.name for state in states} == {"daily", "calls", "search"}
    assert all(state.remaining == 0 and state.resets_in == 3600.0 for state in states)


def test_answers_without_headers_tell_nothing() -> None:
    assert read_limits({}) == []
    assert read_limits({"x-hubspot-ratelimit-remaining": "many"}) == []


def test_what_the_plugin_is() -> None:
    assert (INFO.key, INFO.api_version, INFO.batch) == ("hubspot", "2026-09", 100)
    assert INFO.object_types["contacts"].upsert == ("email",)
    assert INFO.object_types["meetings"].html_fields[0] == "hs_meeting_body"
    assert INFO.host_suffixes == ("hubapi.com", "hubspot.com")


def test_presets_are_toml_and_name_what_hubspot_has(conn: Connection) -> None:
    text = conn.hooks.presets()["linktime"]
    preset = tomllib.loads(text)
    assert preset["person"]["write"] == "always"
    assert preset["activity"]["object"] == "meetings"
    for kind, names in (
        ("contacts", preset["person"]["fields"]["contacts"]),
        ("meetings", preset["activity"]["fields"]),
    ):
        writable = {field.name for field in conn.hooks.list_fields(kind) or () if field.writable}
        assert set(names) <= writable


def test_nothing_leaks_from_the_package() -> None:
    public = {name for name in vars(crmwire_hubspot) if not name.startswith("_")}
    assert set(crmwire_hubspot.__all__) <= public


def test_a_missing_write_scope_is_found_without_writing(conn: Connection, vendor: Any) -> None:
    """An update of no record changes nothing, and is refused all the same without the scope."""
    report = conn.hooks.check_connection()
    assert set(report.scopes) == {
        "crm.objects.contacts.read",
        "crm.objects.contacts.write",
        "crm.objects.owners.read",
    }
    vendor.admin("revoke_scope", scope="crm.objects.contacts.write")
    (finding,) = problems(conn.hooks.check_connection())
    assert (finding.level, finding.subject) == ("error", "contacts")
    assert "neither contacts nor meetings can be written" in finding.message
    assert "crm.objects.contacts.write" in finding.remedy
    assert vendor.app.commits == []


def test_an_empty_batch_that_is_refused_proves_nothing(conn: Connection, vendor: Any) -> None:
    body = {"status": "error", "message": "no inputs", "category": "VALIDATION_ERROR"}
    vendor.arm(Fault(kind="status", path="batch/update", status=400, body=body))
    report = conn.hooks.check_connection()
    assert problems(report) == []
    assert "crm.objects.contacts.write" not in report.scopes


# ---------------------------------------------------------------- the end of a day

NOON_IN_NEW_YORK = "Tue, 24 Nov 2026 17:00:00 GMT"
DAY_IS_OVER = {"x-hubspot-ratelimit-daily-remaining": "0", "date": NOON_IN_NEW_YORK}


@pytest.mark.parametrize(
    ("zone", "date", "hours"),
    [
        ("US/Eastern", NOON_IN_NEW_YORK, 12),
        ("Asia/Tokyo", NOON_IN_NEW_YORK, 22),
        ("US/Eastern", "Sun, 01 Nov 2026 05:30:00 GMT", 1),
        ("Europe/Berlin", "Sun, 25 Oct 2026 10:00:00 GMT", 13),
        ("", NOON_IN_NEW_YORK, 1),
        ("Nowhere/Town", NOON_IN_NEW_YORK, 1),
        ("US/Eastern", "yesterday", 1),
        ("Asia/Tokyo", "Fri, 31 Dec 9999 23:59:59 -2359", 1),
    ],
    ids=[
        "noon",
        "early morning there",
        "just begun",
        "clocks turned",
        "unknown",
        "wrong",
        "odd",
        "past all years",
    ],
)
def test_the_days_calls_are_back_after_midnight_in_the_accounts_zone(
    zone: str, date: str, hours: float
) -> None:
    over_in = day_over_in({"date": date}, zone)
    assert over_in in (hours * 3600.0, hours * 3600.0 + 60.0)


def test_a_spent_day_is_waited_out_by_headers_and_by_errors(vendor: Any) -> None:
    conn = vendor.connect()
    conn.report = conn.hooks.check_connection()
    assert conn.report.zone == "US/Eastern"
    states = conn.hooks.read_limits(200, DAY_IS_OVER)
    assert {state.resets_in for state in states} == {12 * 3600.0 + 60.0}
    body = '{"status":"error","message":"daily","errorType":"RATE_LIMIT","policyName":"DAILY"}'
    failure = conn.hooks.classify_error(429, {"date": NOON_IN_NEW_YORK}, body)
    assert isinstance(failure, RetryLater)
    assert (failure.after, failure.pause) == (12 * 3600.0 + 60.0, True)
    told = {"date": NOON_IN_NEW_YORK, "retry-after": "30"}
    assert conn.hooks.classify_error(429, told, body).after == 30.0
