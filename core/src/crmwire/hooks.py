"""The one typed face of `pm.hook`: a method for each hook, and who failed when one fails."""

from __future__ import annotations

import difflib
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

import attrs
import pluggy
import structlog

from crmwire import hookspecs
from crmwire.errors import ConfigurationError, CrmwireError, Failure, PluginBroken
from crmwire.types import (
    AuthScheme,
    Candidates,
    Chunk,
    ConnectionReport,
    CrmInfo,
    Event,
    FeedApi,
    Written,
)

if TYPE_CHECKING:
    from datetime import datetime

    from crmwire.connections import Connection
    from crmwire.feeds import OpenFeed
    from crmwire.http import Request
    from crmwire.mapping import Mapping as FieldMapping
    from crmwire.types import (
        Delivery,
        DeliveryChange,
        Draft,
        Feed,
        FieldChange,
        FieldInfo,
        Finding,
        Json,
        Key,
        LimitState,
        Match,
        Query,
        Record,
        SetupStep,
        SourceInfo,
        Subject,
        WebhookRequest,
        Write,
    )

log = structlog.get_logger("crmwire.hooks")

PURE = frozenset(
    {
        "crm_info",
        "auth_scheme",
        "classify_login_error",
        "revocation",
        "presets",
        "filter_event",
        "map_event",
        "match_keys",
        "choose_match",
        "merge_fields",
        "classify_error",
        "read_limits",
        "source_info",
        "verify_webhook",
        "parse_webhook",
        "list_pages",
        "feed_api",
        "classify_feed_error",
    }
)
"""Hooks that use no network, clock or disk."""

Named = tuple[str, object]


def manager(specs: type, plugins: Iterable[Named]) -> pluggy.PluginManager:
    """A manager with these plugins, the last one nearest to the user.

    Raises: PluginBroken if one implements a hook that does not exist, or with other arguments.
    """
    pm = pluggy.PluginManager(hookspecs.NAME)
    pm.add_hookspecs(specs)
    for name, plugin in plugins:
        try:
            pm.register(plugin, name)
            pm.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginBroken(
                f"Plugin {name} does not fit: {error}", remedy=_meant(specs, str(error))
            ) from error
    return pm


def _meant(specs: type, problem: str) -> str:
    """Which hook may be meant by one that does not exist."""
    unknown = re.match(r"unknown hook '(\w+)'", problem)
    near = difflib.get_close_matches(unknown[1], vars(specs), 1) if unknown else ()
    return f"Is `{near[0]}` meant?" if near else ""


def chain(pm: pluggy.PluginManager, hook: str) -> list[str]:
    """The names of the plugins that answer this hook, in the order they are asked."""
    caller = getattr(pm.hook, hook, None)
    if caller is None:
        raise ConfigurationError(f"There is no hook {hook!r}.")
    return [impl.plugin_name for impl in reversed(caller.get_hookimpls())]


def culprit(pm: pluggy.PluginManager, frames: Iterable[FrameType]) -> str:
    """The plugin in whose code these frames (outermost first) were last, or crmwire itself."""
    modules = {}
    for name, plugin in pm.list_name_plugin():
        module = plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__module__
        modules[module] = name
    found = "crmwire"
    for frame in frames:
        module = frame.f_globals.get("__name__", "")
        while module:
            if module in modules:
                found = modules[module]
                break
            module = module.rpartition(".")[0]
    return found


def culprit_of_thread(pm: pluggy.PluginManager, thread_id: int) -> str:
    """The plugin in whose code a running thread is now."""
    frame = sys._current_frames().get(thread_id)
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return culprit(pm, reversed(frames))


class _Face:
    """Calls hooks of one manager; what is not a CrmwireError becomes PluginBroken."""

    def __init__(self, pm: pluggy.PluginManager, owner: str) -> None:
        self.pm = pm
        self._owner = owner
        self.alive: Callable[[], None] = lambda: None

    def chain(self, hook: str) -> list[str]:
        return chain(self.pm, hook)

    def _call(self, hook: str, **arguments: object) -> Any:
        self.alive()
        try:
            return getattr(self.pm.hook, hook)(**arguments)
        except CrmwireError as error:
            error.add_note(f"hook {hook} of {self._owner}")
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise self._broken(hook, error) from error

    def _broken(self, hook: str, error: BaseException) -> PluginBroken:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        name = culprit(self.pm, frames)
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        broken = PluginBroken(
            f"Plugin {name} failed in {hook} ({reason}).",
            remedy=f"Update or remove the plugin {name}; then retry.",
            code=type(error).__name__,
            sent="unknown" if hook == "write_records" else "no",
        )
        broken.add_note(f"hook {hook} of {self._owner}")
        return broken

    def _required(self, hook: str, answer: Any) -> Any:
        if answer is None:
            raise PluginBroken(
                f"No plugin of {self._owner} answers {hook}.",
                remedy="Install the plugin again or update it. If it is your own: has the function "
                "`@hookimpl` before it, and does it return something?",
            )
        return answer

    def _typed(self, hook: str, answer: Any, *kinds: type) -> Any:
        """The answer, if it is of one of these kinds: a forgotten `return` must not pass."""
        if not isinstance(answer, kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise PluginBroken(
                f"{hook} of {self._owner} gave {type(answer).__name__} where {wanted} belongs.",
                remedy="Update the plugin.",
                sent="unknown" if hook == "write_records" else "no",
            )
        return answer

    def _each(self, hook: str, asked: Sequence[object], answer: Any, *kinds: type) -> Any:
        answer = self._typed(hook, self._required(hook, answer), Sequence)
        if len(answer) != len(asked):
            raise PluginBroken(
                f"{hook} of {self._owner} gave {len(answer)} answers to {len(asked)} questions.",
                remedy="Update the plugin.",
                sent="unknown" if hook == "write_records" else "no",
            )
        for one in answer:
            self._typed(hook, one, Failure, *kinds)
        return answer


class Hooks(_Face):
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
        for impl in reversed(self.pm.hook.delivery_changed.get_hookimpls()):
            arguments = {"conn": self.conn, "change": change}
            call: Callable[..., object] = impl.function
            try:
                call(**{name: arguments[name] for name in impl.argnames})
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001  (observers change nothing)
                log.warning("observer_failed", plugin=impl.plugin_name, error=type(error).__name__)


class SourceHooks(_Face):
    """The hooks of one feed."""

    feed: Feed
    open_feed: OpenFeed

    def source_info(self) -> SourceInfo:
        info: SourceInfo = self._required("source_info", self._call("source_info"))
        return info

    def verify_webhook(self, request: WebhookRequest) -> bool | None:
        answer: bool | None = self._call("verify_webhook", feed=self.feed, request=request)
        return answer

    def parse_webhook(self, request: WebhookRequest) -> Sequence[Event]:
        answer: Sequence[Event] = self._required(
            "parse_webhook", self._call("parse_webhook", feed=self.feed, request=request)
        )
        return answer

    def list_pages(self) -> Mapping[str, str]:
        answer: Mapping[str, str] | None = self._call("list_pages", feed=self.feed)
        return answer or {}

    def feed_api(self) -> FeedApi | None:
        answer = self._call("feed_api", feed=self.feed)
        if answer is None:
            return None
        api: FeedApi = self._typed("feed_api", answer, FeedApi)
        return api

    def classify_feed_error(
        self, status: int, headers: Mapping[str, str], body: str
    ) -> Failure | None:
        answer: Failure | None = self._call(
            "classify_feed_error", feed=self.feed, status=status, headers=headers, body=body
        )
        return answer

    def is_polled(self) -> bool:
        """Whether the source is asked: it can be, and the settings say where.

        Raises: ConfigurationError.
        """
        return bool(self.chain("poll")) and self.feed_api() is not None

    def poll(self, cursor: Json) -> Chunk:
        return self._chunk("poll", self._call("poll", feed=self.open_feed, cursor=cursor), cursor)

    def list_past(self, since: datetime, cursor: Json) -> Chunk:
        answer = self._call("list_past", feed=self.open_feed, since=since, cursor=cursor)
        return self._chunk("list_past", answer, cursor)

    def check_feed(self) -> Sequence[Finding]:
        answer: Sequence[Finding] | None = self._call("check_feed", feed=self.open_feed)
        return answer or ()

    def implements(self, hook: str) -> bool:
        """Whether any plugin of this feed answers that hook."""
        return bool(getattr(self.pm.hook, hook).get_hookimpls())

    def _chunk(self, hook: str, answer: Any, before: Json) -> Chunk:
        chunk: Chunk = self._typed(hook, self._required(hook, answer), Chunk)
        for event in chunk.events:
            self._typed(hook, event, Event)
        if chunk.more and chunk.cursor == before:
            raise PluginBroken(
                f"{hook} of {self._owner} says that there is more, and does not go on.",
                remedy="Update the plugin.",
            )
        if chunk.total is not None and not 0 <= chunk.total < 2**63:
            return attrs.evolve(chunk, total=None)  # only shown, and no number of things
        return chunk
