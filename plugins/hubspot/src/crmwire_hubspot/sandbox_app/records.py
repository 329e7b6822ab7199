"""Making, changing and showing single records."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmwire_hubspot.sandbox_app import times
from crmwire_hubspot.sandbox_app.checks import check_complete, checked
from crmwire_hubspot.sandbox_app.kinds import COMPANIES, CONTACTS, Kind
from crmwire_hubspot.sandbox_app.linking import Commit, link, planned_links
from crmwire_hubspot.sandbox_app.portal import Portal, Stored, computed, derived, emails
from crmwire_hubspot.sandbox_app.refusals import Refusal, conflict, not_found
from crmwire_hubspot.sandbox_app.times import stamp

if TYPE_CHECKING:
    from crmwire_hubspot.sandbox_app.calls import Call

Plan = Callable[[], tuple[Stored, dict[str, Any]]]
"""A change that was checked; does it and shows the record."""

_SYSTEM = {
    "contacts": (
        "createdate",
        "hs_is_contact",
        "hs_is_unworked",
        "hs_object_id",
        "hs_object_source",
        "hs_object_source_id",
        "hs_object_source_label",
        "hs_pipeline",
        "lastmodifieddate",
        "lifecyclestage",
    ),
}
_SYSTEM_OF_OTHERS = ("createdate", "hs_createdate", "hs_lastmodifieddate", "hs_object_id")


# ---------------------------------------------------------------- showing


def shown(
    portal: Portal,
    record: Stored,
    names: Sequence[str] | None = None,
    *,
    every: bool = False,
) -> dict[str, Any]:
    """A record as answers hold it: the properties asked for, or the type's own selection.

    An unknown name is left out, a defined but empty one is null.
    """
    kind = record.kind
    if every:
        properties: dict[str, str | None] = dict(sorted(record.properties.items()))
    else:
        known = portal.properties[kind.name]
        wanted = {kind.created, kind.modified, "hs_object_id", *(names or kind.defaults)}
        properties = {name: record.properties.get(name) for name in sorted(wanted) if name in known}
    return _envelope(portal, record, properties)


def changed(portal: Portal, record: Stored, names: Sequence[str]) -> dict[str, Any]:
    """What an update answers with: the changed values and a few of the system's."""
    system = _SYSTEM.get(record.kind.name, _SYSTEM_OF_OTHERS)
    wanted = sorted({*names, *system})
    properties = {name: record.properties[name] for name in wanted if name in record.properties}
    # A value that was cleared is shown as empty text.
    cleared = {name: "" for name in names if name not in record.properties}
    return _envelope(portal, record, {**properties, **cleared})


def _envelope(
    portal: Portal, record: Stored, properties: Mapping[str, str | None]
) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": record.id,
        "properties": properties,
        "createdAt": stamp(record.created),
        "updatedAt": stamp(record.updated),
        "archived": record.archived,
        "url": portal.url(record.kind, record.id),
    }
    if record.archived_at is not None:
        data["archivedAt"] = stamp(record.archived_at)
    return data


# ---------------------------------------------------------------- changing


def planned_create(call: Call, kind: Kind, given: object, associations: object = None) -> Plan:
    """Check a create. Raises: Refusal."""
    portal = call.portal
    values = checked(portal, kind, given)
    check_complete(portal, kind, values, call.version)
    if kind is CONTACTS and values.get("email"):
        other = portal.by_property(kind, "email", values["email"])
        if other is not None:
            raise conflict(other.id)
    _check_unique(portal, kind, values, None)
    links = planned_links(portal, kind, associations)

    def create() -> tuple[Stored, dict[str, Any]]:
        record = insert(portal, kind, values, call.commit)
        for to, to_id, type_ids in links:
            link(portal, kind, record.id, to, to_id, type_ids, call.commit)
        return record, shown(portal, record, every=True)

    return create


def insert(portal: Portal, kind: Kind, values: Mapping[str, str], commit: Commit) -> Stored:
    """Store a new record."""
    moment = times.now()
    record = Stored(
        kind=kind,
        id=portal.new_id(),
        properties={name: value for name, value in values.items() if value},
        created=moment,
        updated=moment,
    )
    record.properties |= computed(portal, record)
    portal.records[kind.name][record.id] = record
    portal.changed(record)
    commit("create", kind.name, record.id, dict(values))
    return record


def planned_update(call: Call, kind: Kind, record: Stored, given: object) -> Plan:
    """Check an update. Raises: Refusal."""
    portal = call.portal
    values = _joined(record, checked(portal, kind, given))
    email = values.get("email")
    if kind is CONTACTS and email:
        other = portal.by_property(kind, "email", email)
        if other is not None and other is not record:
            raise conflict(other.id)
    _check_unique(portal, kind, values, record)

    def update() -> tuple[Stored, dict[str, Any]]:
        moment = times.now()
        record.updated = moment
        for name, value in values.items():
            if value:
                record.properties[name] = value
            else:
                record.properties.pop(name, None)
        record.properties[kind.modified] = stamp(moment)
        record.properties |= derived(portal, kind, record.properties, stamp(moment))
        portal.changed(record)
        call.commit("update", kind.name, record.id, values)
        return record, changed(portal, record, list(values))

    return update


def planned_upsert(call: Call, kind: Kind, name: str, key: str, given: object) -> Plan:
    """Check an upsert by a unique property. Raises: Refusal.

    The key itself becomes the property of a new record. Shape of the answer: as the OpenAPI
    document says; none is recorded.
    """
    portal = call.portal
    check_unique_property(portal, kind, name)
    values = dict(given) if isinstance(given, Mapping) else given
    record = portal.by_property(kind, name, key)
    if record is None:
        if isinstance(values, dict):
            values = {name: key, **values}
        plan = planned_create(call, kind, values)
    else:
        plan = planned_update(call, kind, record, values)

    def upsert() -> tuple[Stored, dict[str, Any]]:
        made, data = plan()
        return made, {**data, "new": record is None}

    return upsert


def archive(portal: Portal, record: Stored, commit: Commit) -> None:
    """Archive a record: gone for reads and search, kept 90 days."""
    record.archived_at = times.now()
    portal.changed(record)
    commit("delete", record.kind.name, record.id, {})


def merge(portal: Portal, winner: Stored, loser: Stored, commit: Commit) -> Stored:
    """Merge two records; the survivor gets a new id and answers to the old ones too.

    The winner's values stand, its blanks are filled from the loser; a contact keeps the loser's
    addresses as secondary ones.
    """
    kind = winner.kind
    moment = times.now()
    old = [winner.id, loser.id]
    values = {**loser.properties, **winner.properties}
    survivor = Stored(
        kind=kind,
        id=portal.new_id(),
        properties=values,
        created=min(winner.created, loser.created),
        updated=moment,
    )
    values |= {
        "hs_object_id": survivor.id,
        kind.modified: stamp(moment),
        "hs_merged_object_ids": ";".join(old),
    }
    if kind is CONTACTS:
        more = sorted((emails(winner) | emails(loser)) - {values.get("email", "")})
        values |= {"hs_additional_emails": ";".join(more)} if more else {}
        values["hs_all_contact_vids"] = ";".join([survivor.id, *old])
    if kind is COMPANIES:
        known = [one.properties.get("hs_additional_domains", "") for one in (winner, loser)]
        domains = {part for one in known for part in one.split(";")}
        more = sorted((domains | {loser.properties.get("domain", "")}) - {"", values.get("domain")})
        values |= {"hs_additional_domains": ";".join(more)} if more else {}
    store = portal.records[kind.name]
    store[survivor.id] = survivor
    for gone in (winner, loser):
        portal.former[kind.name, gone.id] = survivor.id
        portal.drop(gone)
        portal.move_links((kind.name, gone.id), (kind.name, survivor.id))
    portal.changed(survivor)
    commit("update", kind.name, survivor.id, {"merged": ";".join(old)})
    return survivor


def found(portal: Portal, kind: Kind, key: str, by: str | None) -> Stored:
    """A record by id or unique property. Raises: Refusal."""
    if by in (None, "", "hs_object_id"):
        record = portal.by_id(kind, key)
    else:
        assert by is not None
        check_unique_property(portal, kind, by)
        record = portal.by_property(kind, by, key)
    if record is None:
        raise not_found()
    return record


def check_unique_property(portal: Portal, kind: Kind, name: str) -> None:
    """Refuse what cannot identify a record. Raises: Refusal."""
    if kind is CONTACTS and name == "email":
        return
    known = portal.properties[kind.name].get(name)
    if known is None or not known.unique:
        raise Refusal(
            400,
            f"Unable to perform update/upsert by non-unique {kind.type_id} property {name} "
            f"in portal ID {portal.portal_id}",
        )


def _check_unique(
    portal: Portal, kind: Kind, values: Mapping[str, str], record: Stored | None
) -> None:
    for name, value in values.items():
        if value and portal.properties[kind.name][name].unique:
            other = portal.by_property(kind, name, value)
            if other is not None and other is not record:
                # Measured by others: the code stands in the message only.
                taken = {
                    "isValid": False,
                    "message": f"{value} is already in use",
                    "error": "CONFLICTING_UNIQUE_VALUE",
                    "name": name,
                }
                raise Refusal(400, f"Property values were not valid: {json.dumps([taken])}")


def _joined(record: Stored, values: dict[str, str]) -> dict[str, str]:
    """A leading semicolon appends to the values that are there."""
    joined: dict[str, str] = {}
    for name, value in values.items():
        if value.startswith(";"):
            old = [part for part in record.properties.get(name, "").split(";") if part]
            new = [part for part in value.split(";") if part and part not in old]
            value = ";".join([*old, *new])
        joined[name] = value
    return joined
