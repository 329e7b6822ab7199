"""Checks of what a plugin says of itself: hooks, annotations, limits, presets, hosts."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from crmwire.errors import ConfigurationError, NeedsLogin
from crmwire.hookspecs import NEEDED
from crmwire.hosts import checked_base_url
from crmwire.testing.annotations import differences, implementations
from crmwire.testing.connect import connect
from crmwire.testing.contract_base import TOKENS, ContractBase, each
from crmwire.testing.purity import watched
from crmwire.testing.samples import drafts, mapping_of
from crmwire.types import Candidates, Query

STATUSES = (400, 401, 402, 403, 404, 409, 413, 422, 423, 429, 500, 502, 503, 504)
BODIES = ("", "{", "[]", "{}", '{"message": "no"}', '[{"message": "no"}]', "<html></html>")


class HookChecks(ContractBase):
    """A plugin is what it says, and its pure hooks are pure."""

    def test_every_needed_hook_is_there(self) -> None:
        """A CRM plugin has the five hooks that core cannot do without, and a sandbox."""
        missing = {*NEEDED, "sandbox"} - implementations(self.plugin).keys()
        assert not missing

    def test_annotations_are_those_of_the_specification(self) -> None:
        """Arguments may be left out; what is there has the name and the type of the spec."""
        assert differences(self.plugin) == []

    def test_what_it_says_of_itself_makes_sense(self) -> None:
        """Object types, keys, limits and hosts fit together."""
        info, scheme = self.conn.info, self.conn.scheme
        assert re.fullmatch(r"[a-z][a-z0-9_]*", info.key)
        assert info.title
        assert info.api_version
        assert {self.person_type, self.activity_type} <= info.object_types.keys()
        for name, kind in info.object_types.items():
            assert kind.name == name
            assert kind.title
            assert set(kind.upsert) <= set(kind.unique), f"{name}: an upsert needs a unique key"
        assert self.person_key in info.object_types[self.person_type].unique
        for limit in info.limits:
            assert limit.calls > 0
            assert limit.seconds > 0
        assert info.batch > 0
        assert info.settle_after is None or info.settle_after > 0
        assert info.request_id_header == info.request_id_header.lower()
        assert checked_base_url(scheme.base_url, info.host_suffixes)
        assert "{token}" in scheme.template

    @pytest.mark.parametrize("form", ["https://{}.example.net", "https://not{}", "http://{}"])
    def test_a_token_goes_to_no_other_host(self, form: str) -> None:
        """A base URL outside the plugin's host suffixes, or without TLS, is refused."""
        for suffix in self.conn.info.host_suffixes:
            with pytest.raises(ConfigurationError):
                connect(self.plugin, form.format(suffix))

    def test_the_vendors_host_is_allowed(self) -> None:
        """The plugin's own base URL is inside its host suffixes."""
        base = self.conn.scheme.base_url
        conn = connect(self.plugin, base)
        assert urlsplit(conn.http.base_url).scheme == "https"

    def test_the_connection_says_who_it_is(self) -> None:
        """`check_connection` names the account, and another token another account."""
        report = self.conn.hooks.check_connection()
        other = self.connection(TOKENS[1]).report
        assert report.account_id
        assert report.account_name
        assert other is not None
        assert other.account_id != report.account_id

    def test_ids_are_texts(self) -> None:
        """Whatever the API has: core stores and compares them as texts, and 7 is not "7"."""
        report = self.conn.hooks.check_connection()
        told = {"account_id": report.account_id, "user_id": report.user_id}
        told["record of a Written"] = self.known_person("texts@example.com")
        [answer] = self.conn.hooks.find_records([self.query("q", "texts@example.com")])
        if isinstance(answer, Candidates) and answer.records:
            told["id of a Record"] = answer.records[0].id
        for name, value in told.items():
            assert isinstance(value, str), f"{name} is {value!r}, not a text"

    def test_a_wrong_token_is_a_lost_login(self) -> None:
        """The sandbox refuses an unknown token, and the plugin says what that means."""
        stranger = self.connection("nobody-knows-me", checked=False)
        with pytest.raises(NeedsLogin):
            stranger.hooks.check_connection()
        answers = each(lambda: stranger.hooks.find_records([self.query("q", "x@example.com")]), 1)
        assert isinstance(answers[0], NeedsLogin), answers[0]

    # ------------------------------------------------------------ presets

    def test_presets_load_and_make_drafts(self) -> None:
        """Each preset compiles; a booking becomes records of types that the plugin names."""
        presets = self.conn.hooks.presets()
        assert presets, "a CRM plugin has at least one preset"
        for name in presets:
            mapping = mapping_of(self.conn, name)
            if "booking.created" not in (mapping.form.events or ("booking.created",)):
                continue
            wanted = drafts(self.conn, mapping)
            assert wanted, f"{name} makes nothing of a booking"
            for draft in wanted:
                strange = {*draft.types} - self.conn.info.object_types.keys()
                assert not strange or draft.role != "person", f"{name}: crm_info names no {strange}"
                assert any(draft.fields.values()), f"{name}: {draft.role} has no fields"
                keys = self.conn.hooks.match_keys(draft)
                assert keys or not draft.match, f"{name}: {draft.role} has nothing to match by"

    # ------------------------------------------------------------ purity

    def test_pure_hooks_use_no_network_clock_or_disk(self) -> None:
        """Pure hooks give the same answer each time, out of what they are given alone."""
        for name, call, disk in self._pure_calls():
            first = call()
            with watched(disk=disk) as seen:
                again = call()
            assert not seen, f"{name} is not pure: {seen[0]}"
            assert repr(first) == repr(again), f"{name} answers differently the second time"

    def _pure_calls(self) -> list[tuple[str, Any, bool]]:
        """Each pure hook with something to answer; presets may read the plugin's own files."""
        hooks = self.conn.hooks
        hooks.alive = lambda: None
        headers = {"retry-after": "7", "date": "Mon, 30 Nov 2026 09:00:00 GMT"}
        calls: list[tuple[str, Any, bool]] = [
            ("crm_info", hooks.crm_info, True),
            ("auth_scheme", hooks.auth_scheme, True),
            ("presets", hooks.presets, False),
            ("read_limits", lambda: hooks.read_limits(200, headers), True),
            ("read_limits", lambda: hooks.read_limits(429, {}), True),
        ]
        calls += [
            (
                f"classify_error({status})",
                lambda status=status, body=body: hooks.classify_error(status, headers, body),
                True,
            )
            for status in STATUSES
            for body in BODIES
        ]
        for name in hooks.presets():
            mapping = mapping_of(self.conn, name)
            calls.append(("map_event", lambda mapping=mapping: drafts(self.conn, mapping), True))
            for draft in drafts(self.conn, mapping):
                key = Query(id="q", role=draft.role, types=draft.types, key="id", value="1")
                none = [Candidates(query=key)] * max(1, len(hooks.match_keys(draft)))
                match = hooks.choose_match(draft, none)
                calls += [
                    ("match_keys", lambda draft=draft: hooks.match_keys(draft), True),
                    (
                        "choose_match",
                        lambda draft=draft, none=none: hooks.choose_match(draft, none),
                        True,
                    ),
                    (
                        "merge_fields",
                        lambda draft=draft, match=match: hooks.merge_fields(draft, match),
                        True,
                    ),
                ]
        return calls
