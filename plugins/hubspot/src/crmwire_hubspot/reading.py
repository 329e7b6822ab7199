"""Reading records: by id, or by a unique property, a hundred in a call, straight from the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from crmwire.errors import Failure
from crmwire.http import Request, Response
from crmwire.types import Json, Record, Value
from crmwire_hubspot import paths
from crmwire_hubspot.bodies import ErrorBody, read
from crmwire_hubspot.errors import failure
from crmwire_hubspot.kinds import CONTACTS
from crmwire_hubspot.results import listed, objects, whole
from crmwire_hubspot.scopes import naming_scope, scope
from crmwire_hubspot.values import email_key, read_instant, texts

if TYPE_CHECKING:
    from crmwire.connections import Connection

MOST = 100
"""Inputs in one call."""

ALWAYS = ("hubspot_owner_id",)
OF_CONTACTS = (
    "email",
    "hs_additional_emails",
    "hs_all_contact_vids",
    "hs_merged_object_ids",
    "notes_last_contacted",
)
"""Properties that are read whatever is asked for: an unknown name does no harm in reading."""
_FORMER_IDS = ("hs_all_contact_vids", "hs_merged_object_ids")


def record_of(object_type: str, data: Mapping[str, Any]) -> Record:
    """A record as the API shows it."""
    given = data.get("properties")
    fields: dict[str, Value] = dict(given) if isinstance(given, Mapping) else {}
    owner, url = fields.get("hubspot_owner_id"), data.get("url")
    return Record(
        type=object_type,
        id=str(data["id"]),
        fields=fields,
        url=url if isinstance(url, str) else None,
        owner=str(owner) if owner else None,
        created_at=read_instant(data.get("createdAt")),
        modified_at=read_instant(data.get("updatedAt")),
        last_activity_at=read_instant(fields.get("notes_last_contacted")),
    )


@frozen(kw_only=True)
class _Chunk:
    keys: tuple[str, ...]
    request: Request


def read_records(
    conn: Connection,
    object_type: str,
    keys: Iterable[str],
    *,
    by: str = "id",
    properties: Collection[str] = (),
) -> dict[str, Record | Failure | None]:
    """The record of each key: None if there is none, a Failure if that is not known.

    `by` is `id` or a unique property. A contact is found by its secondary addresses too, and
    under the id it had before a merge; the record carries its present id.
    """
    names = _names(object_type, by, properties)
    wanted = list(dict.fromkeys(key_of(key, by) for key in keys))
    sets = [wanted[start : start + MOST] for start in range(0, len(wanted), MOST)]
    found: dict[str, Record | Failure | None] = {}
    while sets:
        parts = [_chunk(conn, object_type, some, by, names) for some in sets]
        sets = []
        for part, answer in zip(parts, _ask(conn, object_type, parts), strict=True):
            found |= _answers(object_type, part.keys, answer, by)
            sets += _halves([key for key in part.keys if key not in found])
    return found


def _halves(keys: list[str]) -> list[list[str]]:
    """Keys in doubt, to be asked again: alone, a record that answers can only be that key's."""
    middle = (len(keys) + 1) // 2
    return [half for half in (keys[:middle], keys[middle:]) if half]


def key_of(key: str, by: str) -> str:
    """A key as `read_records` answers it: addresses in lower case."""
    return email_key(key) if by == "email" else key.strip()


def _names(object_type: str, by: str, properties: Collection[str]) -> list[str]:
    more = OF_CONTACTS if object_type == CONTACTS else ()
    return sorted({*properties, *ALWAYS, *more, by} - {"id"})


def _chunk(
    conn: Connection, object_type: str, keys: Sequence[str], by: str, names: list[str]
) -> _Chunk:
    body: dict[str, Json] = {
        "properties": names,
        "propertiesWithHistory": [],
        "inputs": [{"id": key} for key in keys],
    }
    if by != "id":
        body["idProperty"] = by
    path = paths.objects(conn, object_type, "batch/read")
    return _Chunk(keys=tuple(keys), request=Request(method="POST", path=path, json=body, safe=True))


def _ask(
    conn: Connection, object_type: str, parts: Sequence[_Chunk]
) -> list[Failure | tuple[Mapping[str, Any], Response]]:
    answers: list[Failure | tuple[Mapping[str, Any], Response]] = []
    for response in conn.http.map([part.request for part in parts]):
        if isinstance(response, Failure):
            answers.append(naming_scope(response, scope(object_type, "read")))
            continue
        try:
            listed(response, "id")
            data = whole(response)
        except Failure as error:
            answers.append(error)
            continue
        answers.append((data, response))
    return answers


def _answers(
    object_type: str,
    keys: tuple[str, ...],
    answer: Failure | tuple[Mapping[str, Any], Response],
    by: str,
) -> dict[str, Record | Failure | None]:
    """What a call says of its keys. A key is left out if another's record may be its own."""
    if isinstance(answer, Failure):
        return dict.fromkeys(keys, answer)
    data, response = answer
    found: dict[str, Record | Failure | None] = {}
    strangers = 0
    for result in data["results"]:
        record = record_of(object_type, result)
        fitting = [key for key in keys if key in _names_of(record, by)]
        if not fitting and len(keys) == 1:
            fitting = list(keys)
        found |= dict.fromkeys(fitting, record)
        strangers += not fitting
    for item in objects(data.get("errors")):
        error = read(item)
        if error.category != "OBJECT_NOT_FOUND":
            why = failure(error, request_id=response.request_id)
            found |= dict.fromkeys(_about(error, [key for key in keys if key not in found]), why)
    if not strangers:
        found |= dict.fromkeys([key for key in keys if key not in found])
    return found


def _names_of(record: Record, by: str) -> set[str]:
    """The keys under which a record answers."""
    if by == "id":
        merged = [record.fields.get(name) for name in _FORMER_IDS]
        return {record.id, *(id_ for value in merged for id_ in texts(value))}
    names = {key_of(str(record.fields.get(by) or ""), by)}
    if by == "email":
        names |= {email_key(text) for text in texts(record.fields.get("hs_additional_emails"))}
    return names - {""}


def _about(error: ErrorBody, missing: list[str]) -> list[str]:
    named = {email_key(name) for name in error.ids}
    return [key for key in missing if email_key(key) in named] if named else missing
