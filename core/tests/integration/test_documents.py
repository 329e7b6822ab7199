"""A team's set-up as a document: out of one data folder, into another, and back."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crmwire import documents
from crmwire.app import App
from crmwire.demo.environment import surroundings
from crmwire.errors import ConfigurationError

pytest.importorskip("crmwire_calcom")

WHOLE = """
team = "default"

[feeds.cal]
source = "calcom"
secret = "env:CAL_SECRET"

[feeds.open]
source = "calcom"
allow_unsigned = true

[connections.sales]
crm = "toy"
token = "env:TOY_TOKEN"

[connections.sales.settings]
zone = "Europe/London"
tries = [5, 30]

[routes.all]
feed = "cal"
connection = "sales"
preset = "linktime"
since = 2026-11-01T00:00:00Z

[routes.all.fields.person.contacts]
phone = "{{ guest.phone or 'none' }}"

[routes.page-7]
feed = "cal"
page = "7"
connection = "sales"
preset = "toy:linktime"
zone = "Europe/Berlin"
since = 2026-11-02
"""

LEAST = """
title = "Least"
[person]
look_in = ["contacts"]
match = ["link", "email"]
create = "contacts"
[person.fields.contacts]
email = "{{ guest.email }}"
"""


@pytest.fixture
def app(tmp_path: Path, toy_installed: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    monkeypatch.setenv("CAL_SECRET", "hush")
    monkeypatch.setenv("TOY_TOKEN", "sandbox")
    with surroundings(tmp_path), App() as made:
        yield made


def compared(app: App, text: str, *, prune: bool = False) -> documents.Comparison:
    return documents.compared(app, documents.parsed(text, "team.toml"), "team.toml", prune=prune)


def apply(app: App, text: str, *, prune: bool = False) -> list[str]:
    """Apply a document and tell what it changed."""
    comparison = compared(app, text, prune=prune)
    comparison.carry_out()
    return [f"{change.action} {change.kind} {change.name}" for change in comparison.changes]


def problems(app: App, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        compared(app, text)
    return list(raised.value.problems)


def exported(app: App) -> dict[str, Any]:
    return tomllib.loads(documents.exported(app, "default"))


# ---------------------------------------------------------------- there and back


def test_a_document_sets_up_a_team(app: App) -> None:
    assert apply(app, WHOLE) == [
        "add feed cal",
        "add feed open",
        "add connection sales",
        "add route all",
        "add route page-7",
    ]
    row = app.store.route("all")
    assert (row.feed, row.connection, row.page) == ("cal", "sales", "*")
    assert row.since == datetime(2026, 11, 1, tzinfo=UTC).timestamp()
    assert app.store.connection("sales").settings["tries"] == [5, 30]
    assert app.vault.get(app.store.feed("cal").owner, "signing") == "hush"
    assert app.vault.get(app.store.connection("sales").owner, "token") == "sandbox"


def test_applying_twice_changes_nothing(app: App) -> None:
    apply(app, WHOLE)
    assert apply(app, WHOLE) == []


def test_what_is_exported_changes_nothing_when_applied(app: App) -> None:
    apply(app, WHOLE)
    assert apply(app, documents.exported(app, "default"), prune=True) == []


def test_an_export_sets_up_a_fresh_data_folder_alike(app: App, tmp_path: Path) -> None:
    apply(app, WHOLE)
    text = documents.exported(app, "default")
    text = text.replace("vault:feed/cal", "env:CAL_SECRET")
    text = text.replace("vault:connection/sales", "env:TOY_TOKEN")
    with App(tmp_path / "fresh") as fresh:
        apply(fresh, text)
        assert documents.exported(fresh, "default") == documents.exported(app, "default")


def test_no_secret_is_exported(app: App) -> None:
    apply(app, WHOLE)
    text = documents.exported(app, "default")
    assert exported(app)["feeds"]["cal"]["secret"] == "vault:feed/cal"
    assert exported(app)["connections"]["sales"]["token"] == "vault:connection/sales"
    assert "hush" not in text
    assert "sandbox" not in text


def test_a_mapping_is_exported_only_if_it_is_not_the_presets(app: App) -> None:
    apply(app, WHOLE)
    row = app.store.route("all")
    app.change_route(
        "all",
        preset=row.preset,
        mapping={**row.mapping, "title": "Ours"},
        options=row.options,
        rows=row.rows,
        zone=row.zone,
    )
    routes = exported(app)["routes"]
    assert routes["all"]["mapping"]["title"] == "Ours"
    assert "mapping" not in routes["page-7"]
    assert apply(app, documents.exported(app, "default")) == []


def test_a_newer_preset_is_not_taken_unasked(app: App) -> None:
    folder = app.home / "plugins"
    folder.mkdir()
    preset = folder / "ours.toml"
    preset.write_text(LEAST)
    (folder / "ours.py").write_text(
        "from pathlib import Path\n"
        "from crmwire import hookimpl\n\n"
        "@hookimpl\n"
        "def presets(): return {'ours': Path(__file__).with_name('ours.toml').read_text()}\n"
    )
    text = WHOLE.replace("tries = [5, 30]", 'plugins = ["ours.py"]').replace(
        'preset = "linktime"', 'preset = "ours"'
    )
    text = text[: text.index("[routes.all.fields")]
    apply(app, text)
    preset.write_text(LEAST.replace("Least", "Newer"))
    assert apply(app, text) == []
    assert app.store.route("all").mapping["title"] == "Least"
    assert exported(app)["routes"]["all"]["mapping"]["title"] == "Least"


def test_teams_have_documents_of_their_own(app: App) -> None:
    apply(app, WHOLE)
    other = '[feeds.theirs]\nsource = "calcom"\nallow_unsigned = true\n'
    assert apply(app, 'team = "west"\n' + other, prune=True) == ["add feed theirs"]
    assert documents.teams(app) == ["default", "west"]
    assert "theirs" not in exported(app)["feeds"]
    assert problems(app, other) == [
        "'theirs' belongs to the team 'west' @ team.toml.feeds['theirs']"
    ]


# ---------------------------------------------------------------- what differs


def test_each_difference_is_told(app: App) -> None:
    apply(app, WHOLE)
    os.environ["CAL_SECRET"] = "louder"
    text = (
        WHOLE.replace("Europe/London", "UTC")
        .replace("tries = [5, 30]", "read_timeout = 9")
        .replace("or 'none'", "or 'nothing'")
        .replace("Europe/Berlin", "UTC")
    )
    told = {change.name: change.details for change in compared(app, text).changes}
    assert told["cal"] == ("secret: replaced",)
    assert told["sales"] == (
        "settings.zone: 'Europe/London' → 'UTC'",
        "settings.tries: [5, 30] → (none)",
        "settings.read_timeout: (none) → 9",
    )
    (row,) = told["all"]
    assert row.startswith("fields.person.contacts.phone: ")
    assert "or 'none' }}\" → \"{{ guest.phone or 'nothing'" in row
    assert told["page-7"] == ("zone: 'Europe/Berlin' → 'UTC'",)
    apply(app, text)
    assert apply(app, text) == []
    assert app.vault.get(app.store.feed("cal").owner, "signing") == "louder"


def test_comparing_changes_nothing(app: App) -> None:
    compared(app, WHOLE)
    assert documents.teams(app) == []


def test_what_a_document_leaves_out_stays_unless_pruned(app: App) -> None:
    apply(app, WHOLE)
    shorter = WHOLE[: WHOLE.index("[routes.page-7]")].replace(
        '[feeds.open]\nsource = "calcom"\nallow_unsigned = true\n', ""
    )
    assert compared(app, shorter).kept == ("feed open", "route page-7")
    assert apply(app, shorter) == []
    assert apply(app, shorter, prune=True) == ["remove feed open", "remove route page-7"]
    assert [row.name for row in app.store.routes()] == ["all"]
    assert apply(app, shorter, prune=True) == []


def test_a_route_may_use_a_connection_that_the_document_leaves_out(app: App) -> None:
    apply(app, WHOLE)
    more = '[routes.more]\nfeed = "open"\nconnection = "sales"\npreset = "linktime"\n'
    assert apply(app, more) == ["add route more"]
    with pytest.raises(ConfigurationError):
        compared(app, more, prune=True)


def test_a_mapping_of_ones_own_needs_no_preset(app: App) -> None:
    apply(app, WHOLE[: WHOLE.index("[routes.all]")])
    route = {"feed": "cal", "connection": "sales", "mapping": tomllib.loads(LEAST)}
    assert apply(app, documents.toml_text({"routes": {"own": route}})) == ["add route own"]
    assert apply(app, documents.exported(app, "default")) == []
    assert "preset" not in exported(app)["routes"]["own"]


# ---------------------------------------------------------------- what is wrong


def test_every_mistake_of_form_is_told_with_its_path(app: App) -> None:
    text = """
colour = "red"
[feeds.cal]
secret = 5
[connections.sales]
crm = "toy"
settings = 7
[routes.all]
feed = "cal"
connection = "sales"
since = "soon"
"""
    with pytest.raises(ConfigurationError) as raised:
        documents.parsed(text, "team.toml")
    told = "\n".join(raised.value.problems)
    assert "unknown field colour (there are: " in told
    assert "required field missing: source @ team.toml.feeds['cal']" in told
    assert "team.toml.feeds['cal'].secret" in told
    assert "team.toml.connections['sales'].settings" in told
    assert "'soon' is not a date" in told
    assert str(raised.value).startswith("team.toml has 5 mistakes:")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("feeds = 3", "must be a table @ team.toml.feeds"),
        ("[feeds]\ncal = 3", "must be a table @ team.toml.feeds['cal']"),
        ("[connections.a]\ncrm = 'toy'\nsettings = []", "must be a table @ team.toml.connect"),
        ("[routes.r]\nfeed = 'f'\nconnection = 'c'\njoin_within = 'x'", "must be a number @ team"),
        ("[routes.r]\nfeed = 'f'\nconnection = 'c'\njoin_within = [1]", "must be a number @ team"),
        (
            "[[feed]]\nname = 'x'",
            "(there are: alerts, connections, feeds, routes, team) @ team.toml",
        ),
    ],
)
def test_what_a_value_must_be_is_said_in_words_of_the_document(
    app: App, text: str, told: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        documents.parsed(text, "team.toml")
    assert told in "\n".join(raised.value.problems)


def test_what_is_no_toml_is_told_with_its_line(app: App) -> None:
    with pytest.raises(ConfigurationError, match=r"team.toml is not valid TOML: .*line 2"):
        documents.parsed('team = "a"\nfeeds = = 2\n', "team.toml")


def test_every_mistake_of_content_is_told_with_its_path(app: App) -> None:
    apply(app, WHOLE)
    text = """
[feeds.cal]
source = "calcom"
[feeds.new]
source = "nowhere"
secret = "env:NOT_SET"
[feeds."bad name"]
source = "calcom"
[connections.sales]
crm = "toy"
token = "vault:connection/other"
settings = { zone = "Mars", read_timeout = "soon" }
[connections.fresh]
crm = "toy"
token = "vault:connection/fresh"
settings = { zone = "Mars" }
[routes.all]
feed = "open"
connection = "fresh"
preset = "linktime"
since = 2027-01-01
[routes.one]
feed = "none"
connection = "nobody"
preset = "linktime"
[routes.two]
feed = "cal"
connection = "fresh"
preset = "lynktime"
[routes.three]
feed = "cal"
page = "7"
connection = "fresh"
preset = "linktime"
options = { day = 2026-01-01 }
[routes.four]
feed = "cal"
page = "7"
connection = "fresh"
preset = "linktime"
fields = { person = { contacts = { phone = "{{ gest.phone }}" } } }
"""
    told = {line.rpartition(" @ team.toml.")[2]: line for line in problems(app, text)}
    assert set(told) == {
        "feeds['new'].source",
        "feeds['new'].secret",
        "feeds['bad name']",
        "connections['sales'].token",
        "connections['sales'].settings.read_timeout",
        "connections['fresh'].token",
        "connections['fresh'].settings.zone",
        "routes['all'].feed",
        "routes['all'].connection",
        "routes['all'].since",
        "routes['one'].feed",
        "routes['one'].connection",
        "routes['two'].preset",
        "routes['three'].options.day",
        "routes['four']",
        "routes['four'].person.fields['contacts']['phone']",
    }


def test_a_secret_itself_is_refused_and_not_repeated(app: App) -> None:
    text = WHOLE.replace("env:CAL_SECRET", "s3cr3t").replace("env:TOY_TOKEN", "t0k3n:x")
    told = problems(app, text)
    assert len(told) == 2
    assert all("a secret never stands in a document: use env:VARIABLE or vault:" in p for p in told)
    assert "s3cr3t" not in str(told)
    assert "t0k3n" not in str(told)


def test_two_routes_cannot_take_one_place(app: App) -> None:
    apply(app, WHOLE)
    twice = '[routes.again]\nfeed = "cal"\nconnection = "sales"\npreset = "linktime"\n'
    assert problems(app, twice) == [
        "the route 'all' carries this page to this connection already @ team.toml.routes['again']"
    ]


def test_a_feed_must_be_signed_or_say_that_it_is_not(app: App) -> None:
    assert problems(app, '[feeds.cal]\nsource = "calcom"\n') == [
        "a feed needs `secret`, or `allow_unsigned = true` @ team.toml.feeds['cal']"
    ]


def test_nothing_is_applied_if_anything_is_wrong(app: App) -> None:
    with pytest.raises(ConfigurationError):
        apply(app, WHOLE.replace('preset = "toy:linktime"', 'preset = "none"'))
    assert documents.teams(app) == []
