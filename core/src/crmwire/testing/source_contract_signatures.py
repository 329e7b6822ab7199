"""Checks over HTTP: who is believed, and what is said to whom."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from crmwire.testing.source_contract_base import SourceBase, Taking
from crmwire.testing.source_contract_bodies import STRANGE


class SignatureChecks(SourceBase):
    """Only what the source signed is taken; the answer says what became of it."""

    def _first(self) -> bytes:
        """A sample that is carried, or skip."""
        if not self.takes_webhooks():
            pytest.skip("the source sends no webhooks")
        for name, events in self.told():
            if any(not event.ignored for event in events):
                return self.samples()[name]
        raise AssertionError("no sample is carried")

    def _signed(self, body: bytes, secret: int = 0, age: float = 0.0) -> Mapping[str, str]:
        at = datetime.now(UTC) - timedelta(seconds=age)
        return self.headers(body, self.secrets[secret], at)

    def _needs_signature(self) -> None:
        if not self._signed(b"{}"):
            pytest.skip("the source does not sign its webhooks")

    def test_each_signed_sample_is_taken(self) -> None:
        """Every sample is accepted or recorded as ignored, and told so."""
        self._first()
        with self.taking(signed=bool(self._signed(b"{}"))) as taking:
            for name, body in self.samples().items():
                answer = taking.send(body, self._signed(body))
                assert answer.status in (200, 202), (name, answer)
                assert answer.body["status"] in ("accepted", "ignored", "duplicate"), name
                assert answer.body["events"], name
                if answer.body["status"] == "ignored":
                    assert answer.body["reason"], name

    def test_a_repeat_is_told_to_be_one(self) -> None:
        """The same body once more makes no second event."""
        body = self._first()
        with self.taking(signed=bool(self._signed(b"{}"))) as taking:
            first = taking.send(body, self._signed(body))
            again = taking.send(body, self._signed(body, age=-1.0))
            assert first.body["status"] == "accepted"
            assert again.status == 200
            assert again.body == {"status": "duplicate", "events": first.body["events"]}

    def test_a_wrong_secret_is_refused(self) -> None:
        """Signed with a secret that is not the feed's."""
        body = self._first()
        self._needs_signature()
        with self.taking() as taking:
            assert taking.send(body, self._signed(body, secret=1)).status == 401
            self._nothing_came(taking)

    def test_a_changed_body_is_refused(self) -> None:
        """A signature is for one body; a static token cannot tell."""
        body = self._first()
        self._needs_signature()
        scheme = self.hooks.source_info().signature
        if scheme is not None and scheme.algorithm == "static":
            pytest.skip("the source sends a static token, which says nothing of the body")
        with self.taking() as taking:
            assert taking.send(body + b" ", self._signed(body)).status == 401
            self._nothing_came(taking)

    def test_a_missing_signature_is_refused(self) -> None:
        """Without the header, and with an empty or senseless one."""
        body = self._first()
        self._needs_signature()
        with self.taking() as taking:
            assert taking.send(body, {}).status == 401
            for value in ("", "x", "t=,v1=", "v1,", "\xe9"):
                headers = dict.fromkeys(self._signed(body), value)
                assert taking.send(body, headers).status == 401, value
            self._nothing_came(taking)

    def test_either_of_two_secrets_is_taken(self) -> None:
        """While a secret is replaced, both count."""
        body = self._first()
        self._needs_signature()
        with self.taking(secrets=2) as taking:
            assert taking.send(body, self._signed(body, secret=1)).status == 202
            assert taking.send(body, self._signed(body, secret=0)).status == 200

    def test_an_old_signature_is_refused(self) -> None:
        """Where the source dates its signatures, old ones and future ones are refused."""
        body = self._first()
        self._needs_signature()
        scheme = self.hooks.source_info().signature
        if scheme is None or scheme.tolerance is None:
            pytest.skip("the source does not date its signatures")
        with self.taking() as taking:
            for age in (scheme.tolerance + 60, -scheme.tolerance - 60):
                answer = taking.send(body, self._signed(body, age=age))
                assert answer.status == 401, age
            self._nothing_came(taking)

    def test_a_feed_without_a_secret_takes_nothing_unless_allowed(self) -> None:
        """Unsigned webhooks are taken only by name."""
        body = self._first()
        with self.taking(signed=False) as taking:
            assert taking.send(body, {}).status == 202
            row = taking.app.store.feed("contract")
            taking.app.change_feed("contract", settings=row.settings, allow_unsigned=False)
            assert taking.send(body, self._signed(body)).status == 401

    def test_nothing_that_comes_in_is_a_fault_of_ours(self) -> None:
        """Strange bodies, rightly signed, are kept as unreadable or ignored: never a 5xx."""
        self._first()
        signed = bool(self._signed(b"{}"))
        with self.taking(signed=signed) as taking:
            for body in STRANGE:
                answer = taking.send(body, self._signed(body))
                assert answer.status in ((200, 202) if signed else (200, 202, 400)), body[:40]
            kept = len(taking.app.store.unreadable())
            assert kept or not signed
            if self.unknown:
                body = self.samples()[self.unknown]
                answer = taking.send(body, self._signed(body))
                assert answer.body["status"] == "ignored"

    def _nothing_came(self, taking: Taking) -> None:
        assert taking.app.store.subjects(taking.app.store.feed("contract").id) == []
        assert taking.app.store.unreadable() == []
