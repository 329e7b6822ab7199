"""Hooks of a connection: those of CRM plugins, extensions and local files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from crmwire.hookspecs.marks import hookspec

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from crmwire.connections import Connection
    from crmwire.errors import Failure
    from crmwire.http import Request
    from crmwire.mapping import Mapping as FieldMapping
    from crmwire.sandbox import SandboxSettings
    from crmwire.types import (
        AuthScheme,
        Candidates,
        ConnectionReport,
        CrmInfo,
        Delivery,
        DeliveryChange,
        Draft,
        Event,
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
        Written,
    )

NEEDED = ("crm_info", "auth_scheme", "check_connection", "find_records", "write_records")
"""The hooks that every CRM plugin must have."""


class CrmSpecs:
    """Hooks of one connection."""

    # ------------------------------------------------------------ who the CRM is

    @hookspec(firstresult=True)
    def crm_info(self) -> CrmInfo | None:
        """Say what this CRM is: title, object types, keys, limits, API version.

        Called once when the connection is opened. Pure. Implemented by: every CRM plugin.
        Default: none. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def auth_scheme(self, conn: Connection) -> AuthScheme | None:
        """Say how requests are authorised and where they go.

        Called when the connection is opened; `conn.http` is not ready yet. Pure.
        Implemented by: every CRM plugin. Default: none. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def classify_login_error(
        self, conn: Connection, status: int, headers: Mapping[str, str], body: str
    ) -> Failure | None:
        """Turn a refusal of the vendor's login into a Failure: what happens next, and the remedy.

        Asked for answers of the token endpoint, and for the `error` of a redirect: then `status`
        is 0 and `body` is JSON with `error` and `error_description`. `RetryLater` with an `after`
        of at most two seconds and without `pause` is waited for in place and the stored login is
        read again (another refresh is on its way); any other `RetryLater` pauses the lane. Server
        errors and 429 never count as a lost login, whatever is said here. Header names are
        lower-cased. Pure. Default: by the codes of RFC 6749. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def revocation(self, conn: Connection, token: str) -> Request | None:
        """Say how a token is revoked at the vendor.

        `token` is the refresh token, where there is one. `path` of the request is a whole address
        on the vendor's hosts; values of its `form` that are `{client_id}` or `{client_secret}`
        are filled in. Pure. Default: by RFC 7009 at `revoke_url`, if there is one. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def check_connection(self, conn: Connection) -> ConnectionReport | None:
        """Ask the CRM who we are and what we may do.

        Called by `crmwire check` and before the first delivery of a connection. I/O.
        Raises: let `conn.http` errors pass. Implemented by: every CRM plugin. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def list_fields(self, conn: Connection, object_type: str) -> Sequence[FieldInfo] | None:
        """List the fields of an object type as the connected user sees them.

        I/O. Implemented by: CRM plugins. Default: None, "cannot verify". Added in 0.1.
        """

    @hookspec(firstresult=True)
    def check_mapping(self, conn: Connection, mapping: FieldMapping) -> Sequence[Finding] | None:
        """Hold a mapping against the CRM's live schema; each finding with its remedy.

        I/O. Implemented by: CRM plugins. Default: fields compared with `list_fields`.
        Added in 0.1.
        """

    @hookspec(firstresult=True)
    def set_up(
        self, conn: Connection, mapping: FieldMapping | None, steps: Sequence[str]
    ) -> Sequence[SetupStep] | None:
        """Tell what could be set up in the CRM account for a mapping, and do the named steps.

        With no `steps` nothing is changed. Give all steps with their state afterwards. `mapping`
        is None if no route uses the connection yet. I/O. Raises: a Failure if a step fails.
        Implemented by: CRM plugins. Default: None, nothing to set up. Added in 0.1.
        """

    @hookspec
    def presets(self, conn: Connection) -> Mapping[str, str] | None:
        """Give named mappings, each as the text of a TOML document.

        All answers are merged by name, the nearest to the user wins. Pure.
        Implemented by: CRM plugins, extensions, local files. Added in 0.1.
        """

    # ------------------------------------------------------------ steps 1 to 3: what is wanted

    @hookspec(firstresult=True)
    def filter_event(self, conn: Connection, delivery: Delivery) -> str | None:
        """Give a reason to skip this delivery, or None to ask the next.

        Pure. Implemented by: extensions, local files. Default: None. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def map_event(
        self, conn: Connection, event: Event, subject: Subject, mapping: FieldMapping
    ) -> Sequence[Draft] | None:
        """Make drafts of an event: the records wanted, before the CRM is asked.

        Pure. Default: the mapping's tables. Wrap it to change a field. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def match_keys(self, conn: Connection, draft: Draft) -> Sequence[Key] | None:
        """Give the keys to look this draft's record up by, in order.

        Pure. Default: the fields named in the mapping's `match`. Added in 0.1.
        """

    # ------------------------------------------------------------ steps 4 to 6: what is there

    @hookspec(firstresult=True)
    def find_records(
        self, conn: Connection, queries: Sequence[Query]
    ) -> Sequence[Candidates | Failure] | None:
        """Search the CRM for records that may be the ones we are about to write.

        Called once per batch, before any write; may be called again after a failure. Give one
        answer per query, in order: every candidate (none is an answer), or why that look-up
        failed. A failed look-up is never "not found". I/O, as few calls as the API allows.
        Raises: let `conn.http` errors pass. Implemented by: every CRM plugin. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def choose_match(
        self, conn: Connection, draft: Draft, candidates: Sequence[Candidates]
    ) -> Match | None:
        """Decide: update this record, create one, skip, or hold for a person.

        `candidates` has one answer for each key, in order. Pure. Default: the mapping's rules.
        Added in 0.1.
        """

    @hookspec(firstresult=True)
    def merge_fields(
        self, conn: Connection, draft: Draft, match: Match
    ) -> Sequence[FieldChange] | None:
        """Say for each field of the draft whether it is written, and why.

        Pure. Default: the write policy of each field. Added in 0.1.
        """

    # ------------------------------------------------------------ steps 8 and 9: writing

    @hookspec(firstresult=True)
    def write_records(
        self, conn: Connection, writes: Sequence[Write]
    ) -> Sequence[Written | Failure] | None:
        """Send these writes; give one answer per write, in order.

        A `Ref` inside a write names another write of the same call; `crmwire.waves` sorts and
        resolves them. One bad record never fails the others. A write whose outcome is unknown is
        a `Failure` with `sent="unknown"`; core looks it up before it is sent again. I/O.
        Raises: let `conn.http` errors pass; they then count for every write of the call.
        Implemented by: every CRM plugin. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def find_written(
        self, conn: Connection, writes: Sequence[Write]
    ) -> Sequence[Sequence[Record] | Failure] | None:
        """Find the records that an earlier, unanswered attempt of these writes may have made.

        Only creates are in doubt; upserts that they refer to stand beside them, so that a
        reference can be followed. Give for each write all records that fit it, oldest first:
        same content, made by our user of now or of then (`sent_by`) at or after `sent_at` (leave
        room for a clock that differs). Core drops those that are linked to another subject and
        gives no record to two writes. An empty answer means that it was certainly not made. I/O.
        Implemented by: CRM plugins. Default: None, the delivery is held. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def find_adoptable(
        self, conn: Connection, writes: Sequence[Write]
    ) -> Sequence[Sequence[Record] | Failure] | None:
        """Find activities that another tool made of what these writes would create.

        Called by a backfill that adopts, before it creates: only for creates of activities whose
        person is known. Give for each write the records of the same person and the same start,
        whoever made them and whenever, oldest first; none is an answer. Core drops those that
        are linked to a booking already, and links the one that is left without writing to it.
        I/O. Implemented by: CRM plugins whose activities can be found so. Default: None, nothing
        can be adopted. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def find_made(
        self, conn: Connection, writes: Sequence[Write]
    ) -> Sequence[Sequence[Record] | Failure] | None:
        """Find the activities that our user made of the same people since these were sent.

        Called after a backup was put back, before an activity is created that was found neither
        by its content nor by its start: it may have been made since the backup and moved. Give
        for each write the records of its type and person that our user made at or after
        `sent_at` (leave room for a clock that differs), whatever they say, oldest first, with
        `created_at`. Core drops those that are linked, and asks a person about the others. I/O.
        Implemented by: CRM plugins whose activities can move. Default: None, nothing is found.
        Added in 0.1.
        """

    @hookspec(firstresult=True)
    def classify_error(
        self, conn: Connection, status: int, headers: Mapping[str, str], body: str
    ) -> Failure | None:
        """Turn a refusing answer into a Failure: what happens next, and the remedy.

        Header names are lower-cased. Pure. Default: by status. Added in 0.1.
        """

    @hookspec(firstresult=True)
    def read_limits(
        self, conn: Connection, status: int, headers: Mapping[str, str]
    ) -> Sequence[LimitState] | None:
        """Read what an answer's headers tell of the vendor's limits, so that pacing follows them.

        Called for each answer. Header names are lower-cased. Pure. Default: None. Added in 0.1.
        """

    @hookspec
    def delivery_changed(self, conn: Connection, change: DeliveryChange) -> None:
        """Hear that a delivery changed its state.

        Observers are called one by one; a failure of one is logged and changes nothing.
        Implemented by: extensions, local files. Added in 0.1.
        """

    # ------------------------------------------------------------ trying it out

    @hookspec(firstresult=True)
    def sandbox(self, settings: SandboxSettings) -> ASGIApp | None:
        """Give an ASGI app that behaves as the vendor's API does.

        Called without a connection by `crmwire sandbox`. Implemented by: CRM plugins.
        Added in 0.1.
        """
