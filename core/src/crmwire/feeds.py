"""A feed that is open: what the hooks that ask a source's API get as `feed`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from crmwire.errors import ConfigurationError, Failure, NeedsLogin, NotAllowed
from crmwire.hosts import checked_base_url
from crmwire.http import Http

if TYPE_CHECKING:
    from crmwire.clock import Clock
    from crmwire.hooks import SourceHooks
    from crmwire.http import Client
    from crmwire.pacing import Pacer
    from crmwire.types import Feed, FeedApi, Json

READ_TIMEOUT = 30.0
"""Seconds that a source's API has to answer; the setting `read_timeout` says otherwise."""


class OpenFeed:
    """One feed with its HTTP, as long as one of its hooks runs or longer.

    `feed` is the plain value that pure hooks get; its settings and `since` stand here too.
    """

    def __init__(
        self,
        hooks: SourceHooks,
        *,
        clock: Clock,
        pacer: Callable[[FeedApi], Pacer],
        client: Client | None = None,
    ) -> None:
        self.feed: Feed = hooks.feed
        self.clock = clock
        self.log = structlog.get_logger("crmwire").bind(
            feed=self.feed.name, source=self.feed.source
        )
        self._hooks = hooks
        self._pacer = pacer
        self._client = client
        self._http: Http | None = None

    @property
    def name(self) -> str:
        return self.feed.name

    @property
    def settings(self) -> Mapping[str, Json]:
        return self.feed.settings

    @property
    def since(self) -> datetime | None:
        """When the feed was set up: nothing before is asked for by polling."""
        return self.feed.since

    def now(self) -> datetime:
        """The time of day, aware and in UTC."""
        return self.clock.now()

    @property
    def http(self) -> Http:
        """Authorised calls to the source's API, paced, with deadlines, to its own hosts only.

        Raises: ConfigurationError if the source has no API, or the settings no good address.
        """
        if self._http is None:
            self._http = self._opened()
        return self._http

    def _opened(self) -> Http:
        api = self._hooks.feed_api()
        if api is None:
            raise ConfigurationError(
                f"The source {self.feed.source} has no API that crmwire can ask."
            )
        pacer = self._pacer(api)
        pacer.set_limits(api.limits)
        host, timeout = self.settings.get("host"), self.settings.get("read_timeout")
        number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
        return Http(
            base_url=checked_base_url(
                host if isinstance(host, str) else api.base_url, api.host_suffixes, "source"
            ),
            headers=lambda: self._headers(api),
            pacer=pacer,
            clock=self.clock,
            classify=self._classify,
            read_limits=lambda status, headers: (),
            read_timeout=float(timeout) if number and timeout > 0 else READ_TIMEOUT,  # type: ignore[arg-type, operator]
            client=self._client,
            called="source",
        )

    def _classify(self, status: int, headers: Mapping[str, str], body: str) -> Failure | None:
        answer = self._hooks.classify_feed_error(status, headers, body)
        if answer is None and status == 401:
            return NeedsLogin(
                "The source does not accept the feed's token.",
                remedy=f"Give it another one: `crmwire feed token {self.name}`.",
                code="HTTP 401",
            )
        if answer is None and status == 403:
            return NotAllowed("The source does not allow the feed's token this.", code="HTTP 403")
        return answer

    def _headers(self, api: FeedApi) -> Mapping[str, str]:
        self._hooks.alive()
        if api.public:
            return {}
        if self.feed.token and not api.template:
            return {}
        if not self.feed.token:
            raise NeedsLogin(
                f"The feed {self.feed.name} has no token for the API of its source.",
                remedy=f"Run `crmwire feed token {self.feed.name}`. {api.token_hint}".rstrip(),
            )
        return {api.header: api.template.format(token=self.feed.token)}

    def close(self) -> None:
        if self._http is not None:
            self._http.close()
