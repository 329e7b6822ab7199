"""Checks that nothing secret, and no person, gets into logs, messages and texts."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator

import pytest
import structlog

from crmwire.errors import Failure
from crmwire.http import recording
from crmwire.sandbox import Fault
from crmwire.testing.contract_base import TOKENS, ContractBase
from crmwire.types import Ref

EMAIL = "private-person@example.com"
STORIES = {
    "all is well": None,
    "login lost": Fault(kind="status", status=401),
    "refused": Fault(kind="status", status=422),
    "down": Fault(kind="status", status=500),
    "silent": Fault(kind="cut_before"),
    "not JSON": Fault(kind="html", status=200),
}


class SecretChecks(ContractBase):
    """A token is nowhere to be read; a person only where it is asked for."""

    def _told(self) -> Iterator[object]:
        """Use every hook that talks to the CRM; give what was raised or answered instead."""
        hooks = self.conn.hooks
        writes = [self.person("p", EMAIL), self.activity("a", Ref(write="p"), "Private")]
        for call in (
            hooks.check_connection,
            lambda: hooks.find_records([self.query("q", EMAIL)]),
            lambda: hooks.write_records(writes),
            lambda: hooks.find_written(writes),
            lambda: hooks.list_fields(self.person_type),
        ):
            try:
                answer = call()
            except Failure as failure:
                yield failure
            else:
                yield from answer if isinstance(answer, list | tuple) else (answer,)

    @pytest.mark.parametrize("fault", STORIES.values(), ids=STORIES.keys())
    def test_no_token_is_told(self, fault: Fault | None, caplog: pytest.LogCaptureFixture) -> None:
        """Not in logs, messages, tracebacks, the history of requests, nor any repr."""
        caplog.set_level(logging.DEBUG)
        self.trouble(*([fault] if fault else []))
        texts = [repr(self.conn), repr(self.conn.http), repr(vars(self.conn.http).keys())]
        with structlog.testing.capture_logs() as events, recording() as exchanges:
            for told in self._told():
                texts.append(repr(told))
                if isinstance(told, Failure):
                    texts += [str(told), *traceback.format_exception(told)]
        texts += [repr(events), repr(exchanges), caplog.text]
        for text in texts:
            for token in TOKENS:
                assert token not in text

    @pytest.mark.parametrize("fault", STORIES.values(), ids=STORIES.keys())
    def test_no_person_is_logged(
        self, fault: Fault | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Above debug, logs and the history of requests know no address."""
        caplog.set_level(logging.INFO)
        self.trouble(*([fault] if fault else []))
        with structlog.testing.capture_logs() as events, recording() as exchanges:
            list(self._told())
        logged = [one for one in events if one["log_level"] != "debug"]
        for text in (repr(logged), repr(exchanges), caplog.text):
            assert EMAIL not in text
