"""Sources: how a team set one up, what it is, what it tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: F401  (what `Json` is written with)
from datetime import datetime
from typing import Literal

import attrs
from attrs import frozen

from crmwire.types.events import Event
from crmwire.types.limits import Limit
from crmwire.types.values import Json


@frozen(kw_only=True)
class Feed:
    """One source as one team set it up. `secrets` are tried in order (rotation)."""

    name: str
    source: str
    team: str = "default"
    settings: Mapping[str, Json] = attrs.field(factory=dict)
    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    since: datetime | None = None
    """When the feed was set up, or what the team gave instead: polling begins there."""
    allow_unsigned: bool = False
    token: str | None = attrs.field(default=None, repr=False)
    """What requests to the source's API are authorised with, if one was given."""


@frozen(kw_only=True)
class WebhookRequest:
    """A webhook as it came in; header names are lower-cased, `body` is the raw bytes."""

    body: bytes = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    query: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    received_at: datetime


@frozen(kw_only=True)
class SignatureScheme:
    """How a source signs its webhooks; `static` compares the header with the secret itself.

    `header` holds the signature, or several: each match of the regular expression `pattern` gives
    one as its group `sig` (and the timestamp as `t`, if it stands in the same header); `template`
    is how the source writes that header. `signed` is a template over `{timestamp}`, `{id}` and
    `{body}`. `HEX` is upper case. A secret that begins with `secret_prefix` is base64 after it.
    `tolerance` is in seconds, None where nothing is dated.
    """

    header: str
    pattern: str = r"^(?P<sig>.+)$"
    template: str = "{signature}"
    algorithm: Literal["sha256", "sha1", "static"] = "sha256"
    encoding: Literal["hex", "HEX", "base64"] = "hex"
    signed: str = "{body}"
    timestamp_header: str | None = None
    id_header: str | None = None
    secret_prefix: str | None = None
    tolerance: float | None = None


@frozen(kw_only=True)
class SourceInfo:
    """What a source is: its key is the entry point's name.

    A source that answers `poll` is asked every `poll_every` seconds; the feed's setting of the
    same name says otherwise. Two feeds with the same settings of the names `once` tell the same
    events, so that only one of them may be carried to a connection. `settings` are the names of a
    feed's settings that the source knows (`hosts.` for all that begin so); with them core refuses
    any other. None: the source looks at them itself.
    """

    key: str
    title: str
    events: tuple[str, ...]
    page: str = "page"
    signature: SignatureScheme | None = None
    setup: str = ""
    poll_every: float = 60.0
    once: tuple[str, ...] = ()
    settings: tuple[str, ...] | None = None


@frozen(kw_only=True)
class FeedApi:
    """Where a source's API is and how requests to it are authorised.

    `template` is filled with `{token}`, the feed's own, and stands in the header of that name; an
    empty one is not sent. With `public` no token is needed. A feed's setting `host` replaces
    `base_url`; both are held against `host_suffixes`. All feeds with one token share `limits`.
    """

    base_url: str
    host_suffixes: tuple[str, ...]
    header: str = "Authorization"
    template: str = "Bearer {token}"
    limits: tuple[Limit, ...] = ()
    token_hint: str = ""
    public: bool = False


@frozen(kw_only=True)
class Chunk:
    """Some of the events that a source was asked for, oldest first, and where to go on.

    `cursor` is plain data of the source's own: it is kept with the events, in one transaction,
    and given back with the next call. With `more`, that call comes at once. `total` is how many
    things the source says it lists, for a progress bar.
    """

    events: tuple[Event, ...] = ()
    cursor: Json = None
    more: bool = False
    total: int | None = None
