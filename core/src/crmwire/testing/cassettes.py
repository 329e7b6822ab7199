"""Recording a plugin's exchanges with its vendor's API, and playing them back.

    python -m crmwire.testing.cassettes record hubspot
    CRMWIRE_LIVE_HOST=https://example.my.salesforce.com CRMWIRE_LIVE_TOKEN=… \
        python -m crmwire.testing.cassettes record salesforce --live

The first talks to the plugin's sandbox on this machine, the second to a real account, in which
it makes one person with one activity. Either way the exchanges are kept under the vendor's own
host name and without the token, and say at the top where they come from. Look through what was
recorded live before you share it: only tokens, host and addresses are taken out of it.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import importlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import vcr  # type: ignore[import-untyped]
import yaml
from attrs import frozen

from crmwire.connections import Connection
from crmwire.discovery import Discovery
from crmwire.errors import ConfigurationError, CrmwireError
from crmwire.hooks import manager
from crmwire.hookspecs import CrmSpecs
from crmwire.hosts import LOOPBACK_SWITCH
from crmwire.http import Client
from crmwire.sandbox import SandboxServer, SandboxSettings
from crmwire.testing.clock import HeldClock
from crmwire.testing.connect import connect
from crmwire.testing.samples import BOOKED_AT, GUEST
from crmwire.testing.stories import TROUBLED, Story, told

HIDDEN = "REDACTED"
HOSTS = {"salesforce": "https://example.my.salesforce.com"}
"""Where the vendor gives each customer a host of its own; others are at the plugin's base URL."""
MATCH_ON = ("method", "host", "path", "query", "body")
KEPT = re.compile(r"content-type|retry-after|sforce-limit-info|x-.*", re.IGNORECASE)
"""Headers of answers that are kept: others tell of the server, not of the API."""
GZIP = b"\x1f\x8b"
ADDRESS = re.compile(r"[\w.+-]+@(?!example\.(?:com|org)\b)[\w-]+(?:\.[\w-]+)+")
DEFAULT_FOLDER = Path("tests/cassettes")
SANDBOX_TOKEN, STRANGER = "cassette-token", "cassette-stranger"


@frozen(kw_only=True)
class Target:
    """What is talked to: its address and token, and the name under which it is kept."""

    url: str
    token: str
    kept_as: str


def plugin_of(crm: str) -> ModuleType:
    """The plugin of that key; `toy` is crmwire's own. Raises: UnknownName, PluginBroken."""
    if crm == "toy":
        return importlib.import_module("crmwire.testing.toycrm")
    return Discovery().find("crm", crm).load()


def kept_as(crm: str, plugin: ModuleType) -> str:
    """The production host under which a CRM's exchanges are kept."""
    return HOSTS.get(crm) or str(plugin.crm_info().base_url)


@contextlib.contextmanager
def story(plugin: ModuleType, url: str, token: str, guest: str) -> Iterator[Story]:
    """The story over connections whose clock stands still, so that requests are the same."""
    with contextlib.closing(Client()) as client:

        def opened(with_token: str) -> Connection:
            clock = HeldClock(BOOKED_AT)
            return connect(plugin, url, token=with_token, clock=clock, client=client)

        conn, stranger = opened(token), opened(STRANGER)
        with contextlib.closing(conn), contextlib.closing(stranger):
            yield Story(conn, stranger, guest)


# ---------------------------------------------------------------- recording


def record(crm: str, folder: Path, *, live: bool = False) -> list[Path]:
    """Record every step of the story into `folder`/CRM; returns the files.

    Raises: ConfigurationError if the surroundings of a live recording are not given.
    """
    plugin = plugin_of(crm)
    today = datetime.now(UTC).date().isoformat()
    provenance: dict[str, Any] = {"from": "live" if live else "sandbox", "date": today}
    provenance |= {"api": plugin.crm_info().api_version}
    guest = GUEST
    if live:
        guest = f"ada-{today}@example.com"  # nobody who was there before
    else:
        provenance["sandbox_version"] = _version_of(plugin)
    provenance["guest"] = guest
    place = folder / crm
    place.mkdir(parents=True, exist_ok=True)
    files = []
    with (
        _target(crm, plugin, live=live) as target,
        story(plugin, target.url, target.token, guest) as told_story,
    ):
        for name, call in told_story.steps().items():
            exchanges, answers = _recorded(target, call)
            if any("failure" in answer for answer in answers) != (name in TROUBLED):
                raise CrmwireError(f"The step {name} went otherwise than it should: {answers}.")
            data = {"provenance": provenance, "answers": answers, **exchanges}
            path = place / f"{name}.yaml"
            text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
            path.write_text(text, encoding="utf-8")
            files.append(path)
    (place / "README.md").write_text(_readme(crm, plugin, provenance, files), encoding="utf-8")
    return files


@contextlib.contextmanager
def _target(crm: str, plugin: ModuleType, *, live: bool) -> Iterator[Target]:
    name = kept_as(crm, plugin)
    if live:
        url, token = os.environ.get("CRMWIRE_LIVE_HOST"), os.environ.get("CRMWIRE_LIVE_TOKEN")
        if not token:
            raise ConfigurationError(
                "There is no token to record with.",
                remedy="Set CRMWIRE_LIVE_TOKEN, and CRMWIRE_LIVE_HOST where each customer has one.",
            )
        yield Target(url=(url or name).rstrip("/"), token=token, kept_as=name)
        return
    os.environ[LOOPBACK_SWITCH] = "1"
    pm = manager(CrmSpecs, [(crm, plugin)])
    sandbox = pm.hook.sandbox(settings=SandboxSettings(tokens=(SANDBOX_TOKEN,)))
    with SandboxServer(sandbox) as server:
        yield Target(url=server.url, token=SANDBOX_TOKEN, kept_as=name)


def _recorded(target: Target, call: Any) -> tuple[dict[str, Any], list[Any]]:
    """Make the calls of one step; their exchanges as they are kept, and the answers."""

    def clean(text: str) -> str:
        text = text.replace(target.url, target.kept_as)
        text = text.replace(urlsplit(target.url).netloc, urlsplit(target.kept_as).netloc)
        text = text.replace(target.token, HIDDEN).replace(STRANGER, HIDDEN)
        return ADDRESS.sub("someone@example.com", text)

    def request(one: Any) -> Any:
        one.uri = clean(one.uri)
        one.body = clean(one.body.decode()).encode() if one.body else one.body
        kind = one.headers.get("content-type")
        one.headers = {"Authorization": HIDDEN, **({"Content-Type": kind} if kind else {})}
        return one

    def response(one: dict[str, Any]) -> dict[str, Any]:
        content = one["body"]["string"]
        if content.startswith(GZIP):  # as it came in; the header that says so is not kept
            content = gzip.decompress(content)
        one["body"]["string"] = clean(content.decode()).encode()
        one["headers"] = {
            name: [clean(value) for value in values]
            for name, values in one["headers"].items()
            if KEPT.fullmatch(name)
        }
        return one

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cassette.yaml"
        recorder = vcr.VCR(before_record_request=request, before_record_response=response)
        with recorder.use_cassette(str(file), record_mode="all"):
            answers = told(call)
        exchanges = loaded(file) if file.exists() else {"interactions": []}
    cleaned: list[Any] = yaml.safe_load(clean(yaml.safe_dump(answers, sort_keys=False)))
    return exchanges, cleaned


def _version_of(plugin: ModuleType) -> str:
    top = plugin.__name__.partition(".")[0]
    return f"{top.replace('_', '-')} {version(top.replace('_', '-'))}"


def _readme(crm: str, plugin: ModuleType, provenance: Mapping[str, Any], files: list[Path]) -> str:
    title = plugin.crm_info().title
    source = f"the sandbox of {provenance.get('sandbox_version')}"
    origin = "a live account" if provenance["from"] == "live" else source
    steps = "\n".join(f"- `{file.name}`" for file in files)
    flag = " --live" if provenance["from"] == "live" else ""
    return (
        f"# {title}: cassettes\n\n"
        f"Recorded {provenance['date']} from {origin}, API {provenance['api']}. "
        "Each file says so at its top (`provenance`), and holds the answers that the plugin made "
        "of the exchanges (`answers`).\n\n"
        f"Recorded again with `python -m crmwire.testing.cassettes record {crm}{flag}`; "
        "`tests/test_cassettes.py` plays them back.\n\n"
        f"In the order in which they are played:\n\n{steps}\n"
    )


# ---------------------------------------------------------------- playing back


def play(crm: str, folder: Path) -> Iterator[tuple[str, list[Any], list[Any]]]:
    """Play every step; gives its name, the answers that were recorded and those made now."""
    plugin = plugin_of(crm)
    place = folder / crm
    guest = loaded(place / "check.yaml")["provenance"]["guest"]
    with story(plugin, kept_as(crm, plugin), HIDDEN, guest) as told_story:
        for name, call in told_story.steps().items():
            file = place / f"{name}.yaml"
            player = vcr.VCR(match_on=MATCH_ON, record_mode="none")
            with player.use_cassette(str(file)) as cassette:
                answers = told(call)
                assert cassette.all_played, f"{file}: some exchanges were not asked for"
            yield name, loaded(file)["answers"], answers


def loaded(file: Path) -> dict[str, Any]:
    """A cassette's file as data."""
    data: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return data


# ---------------------------------------------------------------- the command


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m crmwire.testing.cassettes")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("record", help="record a CRM's cassettes again")
    command.add_argument("crm")
    command.add_argument("--live", action="store_true", help="from a real account")
    command.add_argument("--to", type=Path, default=DEFAULT_FOLDER, help="the folder of all CRMs")
    given = parser.parse_args(arguments)
    try:
        files = record(given.crm, given.to, live=given.live)
    except CrmwireError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.writelines(f"{file}\n" for file in files)
    return 0


if __name__ == "__main__":
    sys.exit(main())
