"""The values that cross the hooks: frozen, keyword-only, without behaviour of their own."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal, TypeAlias

import attrs
from attrs import frozen

from crmwire.vocabulary import Details

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""What JSON can hold."""


@frozen(kw_only=True)
class Ref:
    """Stands for the id of the record that another write of the same batch makes."""

    write: str


Value: TypeAlias = (
    "bool | int | float | str | datetime | date | Ref "
    "| Sequence[Value] | Mapping[str, Value] | None"
)
"""What a field can be set to; a `Ref` may stand anywhere inside. Datetimes are aware."""


# ---------------------------------------------------------------- sources and their events


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


_LARGEST = 2**61


@frozen(kw_only=True)
class Event:
    """One thing that happened to one subject, as a source tells it.

    `type` is a word of the vocabulary, or, when `ignored` gives a reason, the source's own name.
    `subject_id` and `previous_ids` are the source's ids. `version` orders the events of a subject;
    by default the microseconds of `occurred_at`. `partial` events say only a part and never make
    a subject known by themselves. `item` names a part of the subject (a message), if any.
    """

    type: str
    subject_id: str
    previous_ids: tuple[str, ...] = ()
    occurred_at: datetime
    version: int | None = None
    webhook_id: str | None = None
    item: str = ""
    partial: bool = False
    ignored: str | None = None
    details: Details = attrs.field(factory=Details)

    @property
    def order(self) -> int:
        """The number that orders this event among those of its subject."""
        if self.version is not None:
            return max(-_LARGEST, min(self.version, _LARGEST))
        return int(self.occurred_at.timestamp() * 1_000_000)


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


SubjectStatus = Literal[
    "unknown", "requested", "active", "cancelled", "rejected", "completed", "no_show", "open"
]


@frozen(kw_only=True)
class Link:
    """The memory that (connection, subject, role, item) is this CRM record.

    `version` is the subject's version that was last written to it. A `retired` link is one that
    a joined subject left over: its record is to be marked as cancelled.
    """

    role: str
    item: str = ""
    type: str
    record: str
    version: int = 0
    url: str | None = None
    retired: bool = False


@frozen(kw_only=True)
class Subject:
    """What events are about: one booking or one ticket, through all its ids.

    In a delivery it is the subject as known when the event came in (the event itself included),
    with the links of the delivery's connection. `delivered` is the newest version that was
    delivered to that connection.
    """

    id: int
    feed: str
    status: SubjectStatus
    version: int
    details: Details
    links: tuple[Link, ...] = ()
    delivered: int = 0

    def link(self, role: str, item: str = "") -> Link | None:
        """The link of that role and item, if there is one."""
        for link in self.links:
            if (link.role, link.item) == (role, item) and not link.retired:
                return link
        return None


@frozen(kw_only=True)
class Delivery:
    """One event on one route: the unit of work. Times are aware and UTC."""

    id: int
    event_id: int
    event: Event
    subject: Subject
    connection: str
    route: str
    state: str = "ready"
    tries: int = 0
    first_try_at: datetime | None = None
    late: bool = False
    """The event came in after a newer one of its subject."""
    again: bool = False
    """A person asked to write a delivered event once more."""


# ---------------------------------------------------------------- CRM plugins: who they are


@frozen(kw_only=True)
class Limit:
    """A vendor's limit: `calls` in each window of `seconds`, for requests of that name."""

    name: str
    calls: int = attrs.field(validator=attrs.validators.gt(0))
    seconds: float = attrs.field(validator=attrs.validators.gt(0))


@frozen(kw_only=True)
class LimitState:
    """What an answer's headers tell of a limit; `resets_in` is in seconds, `total` in calls."""

    name: str
    remaining: int
    resets_in: float | None = None
    total: int | None = None


@frozen(kw_only=True)
class ObjectType:
    """One kind of record. `unique` fields can be looked up; `upsert` fields need no look-up."""

    name: str
    title: str
    unique: tuple[str, ...] = ()
    upsert: tuple[str, ...] = ()
    html_fields: tuple[str, ...] = ()
    list_fields: tuple[str, ...] = ()


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
class CrmInfo:
    """What a CRM plugin is and can do.

    `settle_after` is in seconds: how long after a write was sent an answer that never came may
    still be followed by a commit; None means twice the read timeout. `mapping_class` is an attrs
    class for the mapping's `[crm]` table. `batch` is how many deliveries a drain takes at once.
    """

    key: str
    title: str
    base_url: str
    api_version: str
    host_suffixes: tuple[str, ...]
    object_types: Mapping[str, ObjectType]
    limits: tuple[Limit, ...] = ()
    capabilities: frozenset[str] = frozenset()
    settle_after: float | None = None
    mapping_class: type[attrs.AttrsInstance] | None = None
    request_id_header: str = "x-request-id"
    batch: int = 100


Grant = Literal["authorization_code", "client_credentials", "jwt_bearer"]
"""How a login is had: a person consents in a browser, an app acts as itself, an app signs."""


@frozen(kw_only=True)
class OAuth2:
    """How a vendor's OAuth 2 works. Times are in seconds; all addresses are of the vendor's hosts.

    The first of `grants` is the usual one. `optional_scopes` are sent as `optional_scope`.
    `audience` is who a signed assertion (`jwt_bearer`) is for. An access token lives as long as
    its answer says, else for `lifetime`; None means until a request is refused. It is replaced
    `margin` before its end. A login that is not `refreshable` lasts until it is revoked; one that
    ends by not being used is refreshed at least every `keep_alive`. `base_url_field` names the
    field of the token answer that holds the API's base URL. `issuer` is what the vendor calls
    itself where it does (RFC 9207). `parameters` go into the authorisation address as well. With
    `needs_secret` nobody is sent to the vendor without the app's secret, since no code could be
    exchanged. `hint` tells a person what to look at if the vendor's page shows an error and never
    comes back.
    """

    authorize_url: str
    token_url: str
    revoke_url: str | None = None
    scopes: tuple[str, ...] = ()
    optional_scopes: tuple[str, ...] = ()
    pkce: bool = True
    grants: tuple[Grant, ...] = attrs.field(
        default=("authorization_code",), validator=attrs.validators.min_len(1)
    )
    audience: str = ""
    refreshable: bool = True
    lifetime: float | None = None
    margin: float = 300.0
    keep_alive: float | None = None
    base_url_field: str | None = None
    issuer: str | None = None
    parameters: Mapping[str, str] = attrs.field(factory=dict)
    needs_secret: bool = False
    hint: str = ""


@frozen(kw_only=True)
class AuthScheme:
    """How requests are authorised and where they go. `template` is filled with `{token}`.

    With `oauth` a person logs in by `crmwire connect`. A static token does as well, unless `kind`
    is `oauth2`.
    """

    kind: Literal["static_token", "oauth2"] = "static_token"
    base_url: str
    header: str = "Authorization"
    template: str = "Bearer {token}"
    token_hint: str = ""
    oauth: OAuth2 | None = None


@frozen(kw_only=True)
class Finding:
    """One thing that `check` found; `level` decides the exit status."""

    level: Literal["ok", "warning", "error"]
    subject: str
    message: str
    remedy: str = ""


@frozen(kw_only=True)
class SetupStep:
    """One thing that may be set up in the CRM account for a mapping. Steps change the account."""

    id: str
    title: str
    detail: str
    state: Literal["done", "todo", "impossible"]
    remedy: str = ""


@frozen(kw_only=True)
class ConnectionReport:
    """Who the connection is at the CRM and what it may do. `account_id` names the lane.

    `zone` is the account's own time zone (an IANA name), where that matters: its day ends there.
    """

    account_id: str
    account_name: str
    user_id: str = ""
    user_name: str = ""
    scopes: tuple[str, ...] = ()
    tier: str = ""
    limits: tuple[Limit, ...] = ()
    findings: tuple[Finding, ...] = ()
    zone: str = ""


@frozen(kw_only=True)
class FieldInfo:
    """One field of an object type. `length` is in characters, `options` are the stored values."""

    name: str
    label: str
    group: str = ""
    type: str = "text"
    length: int | None = None
    required: bool = False
    writable: bool = True
    unique: bool = False
    options: tuple[str, ...] = ()


# ---------------------------------------------------------------- drafts, look-ups, decisions


class WritePolicy(enum.StrEnum):
    """When a field may be written."""

    ALWAYS = "always"
    IF_EMPTY = "if_empty"
    ON_CREATE = "on_create"
    ON_UPDATE = "on_update"
    ADD = "add"


@frozen(kw_only=True)
class UserRef:
    """Stands for the id of the CRM's user with this email address."""

    email: str


@frozen(kw_only=True)
class RecordRef:
    """Stands for the id of the record of another role of the same delivery."""

    role: str


DraftValue: TypeAlias = "Value | UserRef | RecordRef"


@frozen(kw_only=True)
class DraftField:
    """One field of a draft: what it should be and when it may be written."""

    name: str
    value: DraftValue
    write: WritePolicy
    cut: bool = False
    """Text that is longer than the CRM's field is cut instead of held."""


@frozen(kw_only=True)
class Key:
    """What a record is found by: a field of these object types and its value.

    The name `id` means the CRM's own record id.
    """

    types: tuple[str, ...]
    name: str
    value: str


@frozen(kw_only=True)
class Draft:
    """A record wanted, before the CRM was asked.

    `fields` are by object type, since which type it will be is not known yet. `link` is the
    record that crmwire remembers for this role and item, `record` a record id that the event
    itself names, if any. `about` names roles.
    """

    id: str
    role: str
    item: str = ""
    types: tuple[str, ...]
    create_type: str | None
    match: tuple[str, ...] = ()
    fields: Mapping[str, tuple[DraftField, ...]] = attrs.field(factory=dict)
    record: str | None = None
    link: Link | None = None
    about: tuple[str, ...] = ()
    action: Literal["write", "update", "delete"] = "write"
    update: bool = True
    if_none: Literal["skip", "hold"] = "skip"
    several: Literal["hold", "newest", "oldest", "active", "skip"] = "hold"
    company: Literal["always", "on_create", "never"] = "on_create"
    create_without_key: bool = False
    drop: tuple[str, ...] = ()
    mark: str | None = None
    per_event: bool = False


@frozen(kw_only=True)
class Query:
    """A look-up: which records of these types have this value in this field?

    With role `user`, it asks for the CRM's user with that email address. `fields` tells which
    fields of each type the decision needs to see.
    """

    id: str
    role: str
    types: tuple[str, ...]
    key: str
    value: str
    fields: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)


@frozen(kw_only=True)
class Record:
    """A record as the CRM has it.

    `alias_of`: it was merged into, or converted to, that one; `alias_type` is that one's type, if
    it is another.
    """

    type: str
    id: str
    fields: Mapping[str, Value] = attrs.field(factory=dict)
    url: str | None = None
    owner: str | None = None
    created_at: datetime | None = None
    modified_at: datetime | None = None
    last_activity_at: datetime | None = None
    alias_of: str | None = None
    alias_type: str | None = None
    writable: bool = True


@frozen(kw_only=True)
class Candidates:
    """The records that a query found; `complete` is False if there may be more."""

    query: Query
    records: tuple[Record, ...] = ()
    complete: bool = True


@frozen(kw_only=True)
class Match:
    """The decision for one draft. `why` is for people."""

    action: Literal["update", "create", "upsert", "delete", "skip", "hold"]
    type: str | None = None
    record: Record | None = None
    key: Key | None = None
    why: str = ""
    candidates: tuple[Record, ...] = ()


@frozen(kw_only=True)
class FieldChange:
    """What becomes of one field: written or not, and why."""

    name: str
    old: Value
    new: DraftValue
    written: bool
    why: str
    add: bool = False
    """The value joins those that are there (lists)."""


# ---------------------------------------------------------------- writes


@frozen(kw_only=True)
class About:
    """A record that a write is associated with: WhoId's, an association's or a note's.

    With `only_new` an upsert associates only what it made: a record that was there is left alone.
    """

    role: str
    type: str
    record: str | Ref
    only_new: bool = False


@frozen(kw_only=True)
class Write:
    """One create, update, upsert or delete to send.

    `id` is unique in its batch and what a `Ref` names; `key` is the same for each repetition of
    this write. Writes of one `group` stand or fall together where the API can. `match` is the
    unique key of an upsert. `add` names the list fields whose values join what is there.
    `on_create` fields count only if an upsert creates. `drop_allowed` fields may be left out if
    the CRM refuses them. `sent_at` is when an earlier attempt of it was first sent.
    `settings` is the mapping's `[crm]` table, an instance of the plugin's own class.
    """

    id: str
    key: str
    group: str | None
    role: str
    action: Literal["create", "update", "upsert", "delete"]
    type: str
    record: str | None = None
    match: Key | None = None
    fields: Mapping[str, Value] = attrs.field(factory=dict)
    add: tuple[str, ...] = ()
    on_create: Mapping[str, Value] = attrs.field(factory=dict)
    about: tuple[About, ...] = ()
    drop_allowed: tuple[str, ...] = ()
    mark: str | None = None
    sent_at: datetime | None = None
    settings: attrs.AttrsInstance | None = None


@frozen(kw_only=True)
class Written:
    """What a write made. `id` is the write's, `record` the CRM's; `created` None if unknown."""

    id: str
    type: str
    record: str
    created: bool | None = None
    url: str | None = None
    dropped: tuple[str, ...] = ()
    request_id: str = ""


@frozen(kw_only=True)
class DeliveryChange:
    """What observers are told: a delivery went from one state to another."""

    delivery: int
    connection: str
    crm: str
    event_type: str
    before: str
    after: str
    failure: str = ""
    message: str = ""
    remedy: str = ""
