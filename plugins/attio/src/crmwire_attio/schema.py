"""What is known of an object's attributes: type, one value or several, unique.

The attributes of people and companies that mappings use most are known without asking, since
Attio fixes them; those that a workspace added are read once a day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from crmwire.errors import Failure, Rejected
from crmwire.http import Response
from crmwire_attio import api
from crmwire_attio.errors import NO_OBJECT

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.types import Json

_DAY = 24 * 3600.0


@frozen(kw_only=True)
class Attribute:
    """One attribute of an object. `target` is the object that a record reference points to."""

    slug: str
    type: str
    title: str = ""
    multi: bool = False
    unique: bool = False
    writable: bool = True
    required: bool = False
    target: str = ""


def _known(*attributes: Attribute) -> dict[str, Attribute]:
    texts = ("description", "angellist", "facebook", "instagram", "linkedin", "twitter")
    same = [
        Attribute(slug="record_id", type="text", unique=True, writable=False),
        Attribute(slug="primary_location", type="location"),
        Attribute(slug="created_at", type="timestamp", writable=False),
        *(Attribute(slug=slug, type="text") for slug in texts),
    ]
    return {attribute.slug: attribute for attribute in (*same, *attributes)}


# docs.attio.com/docs/standard-objects/people and /companies (read 2026-11).
STANDARD: Mapping[str, Mapping[str, Attribute]] = {
    "people": _known(
        Attribute(slug="name", type="personal-name"),
        Attribute(slug="email_addresses", type="email-address", multi=True, unique=True),
        Attribute(slug="phone_numbers", type="phone-number", multi=True),
        Attribute(slug="job_title", type="text"),
        Attribute(slug="company", type="record-reference", target="companies"),
    ),
    "companies": _known(
        Attribute(slug="name", type="text"),
        Attribute(slug="domains", type="domain", multi=True, unique=True),
        Attribute(slug="team", type="record-reference", multi=True, target="people"),
        Attribute(slug="categories", type="select", multi=True),
    ),
}


class Schema:
    """The attributes of one connection's workspace, for the length of one hook's call."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._read: dict[str, Mapping[str, Attribute] | Failure] = {}

    def attribute(self, object_: str, slug: str) -> Attribute:
        """The attribute. Raises: Rejected if there is none; any Failure of asking."""
        known = STANDARD.get(object_, {}).get(slug)
        if known is not None:
            return known
        found = self.attributes(object_).get(slug)
        if found is None:
            # It may have been added in Attio since.
            self._conn.forget_cached(_key(object_))
            raise Rejected(
                f"{_called(object_)} has no attribute {slug!r} in this workspace.",
                remedy=f"Add it (`crmwire setup {self._conn.name}` adds those that the mapping "
                "describes), or take the row out of the mapping; then retry.",
                code="unknown_attribute",
                fields=(slug,),
            )
        return found

    def attributes(self, object_: str) -> Mapping[str, Attribute]:
        """All attributes of an object, by slug. Raises: any Failure of asking, each time."""
        if object_ not in self._read:
            try:
                self._read[object_] = fetched(self._conn, object_)
            except Failure as failure:
                self._read[object_] = failure
        read = self._read[object_]
        if isinstance(read, Failure):
            raise read
        return read

    def is_multi(self, object_: str, slug: str) -> bool:
        """Whether the attribute holds several values; False if that cannot be told."""
        try:
            return self.attribute(object_, slug).multi
        except Failure:
            return False


def _called(object_: str) -> str:
    kind, slug = api.container(object_)
    return f"The list {slug}" if kind == "lists" else object_


def _key(object_: str) -> str:
    return f"attributes/{object_}"


def _without(conn: Connection, object_: str) -> Rejected:
    kind, slug = api.container(object_)
    remedy = f"Run `crmwire setup {conn.name}`, which makes what the mapping describes, or change "
    remedy += "the mapping; then retry."
    if kind == "lists":
        remedy = "Make the list in Attio, or change the mapping; then retry."
    message = f"The workspace has no {kind.removesuffix('s')} {slug!r}."
    return Rejected(message, remedy=remedy, code=NO_OBJECT)


def fetched(conn: Connection, object_: str, *, anew: bool = False) -> Mapping[str, Attribute]:
    """The attributes of an object or list as the workspace has them, read once a day, or `anew`.

    Raises: Rejected with the code NO_OBJECT if there is none.
    """
    if anew:
        conn.forget_cached(_key(object_))

    def load() -> Json:
        path = (*api.container(object_), "attributes")
        try:
            answer = conn.http.send(api.read(*path))
        except Failure as failure:
            raise _without(conn, object_) if failure.code == NO_OBJECT else failure from None
        return [
            _compact(row)
            for row in api.rows(answer, "api_slug", "type")
            if not row.get("is_archived")
        ]

    stored: Any = conn.cache(_key(object_), _DAY, load)
    return {row["slug"]: Attribute(**row) for row in stored}


def _compact(row: api.Row) -> dict[str, Json]:
    config: Any = row.get("config") or {}
    reference = config.get("record_reference")
    targets = reference.get("allowed_object_ids") if isinstance(reference, dict) else None
    targets = targets if isinstance(targets, list) else []
    return {
        "slug": str(row["api_slug"]),
        "type": str(row["type"]),
        "title": str(row.get("title") or ""),
        "multi": bool(row.get("is_multiselect")),
        "unique": bool(row.get("is_unique")),
        "writable": bool(row.get("is_writable", True)),
        "required": bool(row.get("is_required")),
        "target": str(targets[0]) if len(targets) == 1 else "",
    }


def choices(answer: Response) -> tuple[str, ...]:
    """The titles that an answer with options or statuses holds."""
    return tuple(row["title"] for row in api.rows(answer, "title") if not row.get("is_archived"))
