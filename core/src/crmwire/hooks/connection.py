"""The hooks of a connection, typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import structlog

from crmwire.errors import Failure
from crmwire.hooks.calling import Face
from crmwire.types import AuthScheme, Candidates, ConnectionReport, CrmInfo, Event, Written

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.http import Request
    from crmwire.mapping import Mapping as FieldMapping
    from crmwire.types import (
        Delivery,
        DeliveryChange,
        Draft,
        FieldChange,
        FieldInfo,
        Finding,
        Key,
        LimitState,
        Match,
        Query,
        Record,
        SetupStep,
        Subject,
        Write,
    )

log = structlog.get_logger("crmwire.hooks")


class Hooks(Face):
    """The hooks of one connection."""

    conn: Connection

    def crm_info(self) -> CrmInfo:
        info: CrmInfo = self._typed(
            "crm_info", self._required("crm_info", self._call("crm_info")), CrmInfo
        )
        return info

    def auth_scheme(self) -> AuthScheme:
        answer = self._required("auth_scheme", self._call("auth_scheme", conn=self.conn))
        scheme: AuthScheme = self._typed("auth_scheme", answer, AuthScheme)
        return scheme

    def classify_login_error(
        self, status: int, headers: Mapping[str, str], body: str
    ) -> Failure | None:
        answer: Failure | None = self._call(
            "classify_login_error", conn=self.conn, status=status, headers=headers, body=body
        )
        return answer

    def revocation(self, token: str) -> Request | None:
        answer: Request | None = self._call("revocation", conn=self.conn, token=token)
        return answer

    def check_connection(self) -> ConnectionReport:
        answer = self._required("check_connection", self._call("check_connection", conn=self.conn))
        report: ConnectionReport = self._typed("check_connection", answer, ConnectionReport)
        return report

    def list_fields(self, object_type: str) -> Sequence[FieldInfo] | None:
        answer: Sequence[FieldInfo] | None = self._call(
            "list_fields", conn=self.conn, object_type=object_type
        )
        return answer

    def check_mapping(self, mapping: FieldMapping) -> Sequence[Finding]:
        answer: Sequence[Finding] | None = self._call(
            "check_mapping", conn=self.conn, mapping=mapping
        )
        return answer or ()

    def set_up(
        self, mapping: FieldMapping | None, steps: Sequence[str] = ()
    ) -> Sequence[SetupStep]:
        answer: Sequence[SetupStep] | None = self._call(
            "set_up", conn=self.conn, mapping=mapping, steps=steps
        )
        return answer or ()

    def presets(self) -> Mapping[str, str]:
        merged: dict[str, str] = {}
        for answer in reversed(self._call("presets", conn=self.conn)):
            for name, text in self._typed("presets", answer or {}, Mapping).items():
                merged[name] = self._typed("presets", text, str)
        return merged

    def filter_event(self, delivery: Delivery) -> str | None:
        answer: str | None = self._call("filter_event", conn=self.conn, delivery=delivery)
        return answer

    def map_event(self, event: Event, subject: Subject, mapping: FieldMapping) -> Sequence[Draft]:
        answer: Sequence[Draft] = self._required(
            "map_event",
            self._call("map_event", conn=self.conn, event=event, subject=subject, mapping=mapping),
        )
        return answer

    def match_keys(self, draft: Draft) -> Sequence[Key]:
        answer: Sequence[Key] = self._required(
            "match_keys", self._call("match_keys", conn=self.conn, draft=draft)
        )
        return answer

    def find_records(self, queries: Sequence[Query]) -> Sequence[Candidates | Failure]:
        answer: Sequence[Candidates | Failure] = self._each(
            "find_records",
            queries,
            self._call("find_records", conn=self.conn, queries=queries),
            Candidates,
        )
        return answer

    def choose_match(self, draft: Draft, candidates: Sequence[Candidates]) -> Match:
        answer: Match = self._required(
            "choose_match",
            self._call("choose_match", conn=self.conn, draft=draft, candidates=candidates),
        )
        return answer

    def merge_fields(self, draft: Draft, match: Match) -> Sequence[FieldChange]:
        answer: Sequence[FieldChange] = self._required(
            "merge_fields", self._call("merge_fields", conn=self.conn, draft=draft, match=match)
        )
        return answer

    def write_records(self, writes: Sequence[Write]) -> Sequence[Written | Failure]:
        answer: Sequence[Written | Failure] = self._each(
            "write_records",
            writes,
            self._call("write_records", conn=self.conn, writes=writes),
            Written,
        )
        return answer

    def find_written(self, writes: Sequence[Write]) -> Sequence[Sequence[Record] | Failure] | None:
        answer = self._call("find_written", conn=self.conn, writes=writes)
        if answer is None:
            return None
        checked: Sequence[Sequence[Record] | Failure] = self._each(
            "find_written", writes, answer, Sequence
        )
        return checked

    def find_adoptable(self, writes: Sequence[Write]) -> Sequence[Sequence[Record] | Failure]:
        answer = self._call("find_adoptable", conn=self.conn, writes=writes)
        checked: Sequence[Sequence[Record] | Failure] = self._each(
            "find_adoptable", writes, [()] * len(writes) if answer is None else answer, Sequence
        )
        return checked

    def find_made(self, writes: Sequence[Write]) -> Sequence[Sequence[Record] | Failure]:
        answer = self._call("find_made", conn=self.conn, writes=writes)
        checked: Sequence[Sequence[Record] | Failure] = self._each(
            "find_made", writes, [()] * len(writes) if answer is None else answer, Sequence
        )
        return checked

    def classify_error(self, status: int, headers: Mapping[str, str], body: str) -> Failure | None:
        answer: Failure | None = self._call(
            "classify_error", conn=self.conn, status=status, headers=headers, body=body
        )
        return answer

    def read_limits(self, status: int, headers: Mapping[str, str]) -> Sequence[LimitState]:
        answer: Sequence[LimitState] | None = self._call(
            "read_limits", conn=self.conn, status=status, headers=headers
        )
        return answer or ()

    def delivery_changed(self, change: DeliveryChange) -> None:
        """Tell every observer, one by one; what one of them raises is logged and forgotten."""
        self.alive()
        for impl in reversed(self.pm.hook.delivery_changed.get_hookimpls()):
            arguments = {"conn": self.conn, "change": change}
            call: Callable[..., object] = impl.function
            try:
                call(**{name: arguments[name] for name in impl.argnames})
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001  (observers change nothing)
                log.warning("observer_failed", plugin=impl.plugin_name, error=type(error).__name__)
