"""What people do on HubSpot's own pages, as actions of the control face."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from crmwire.sandbox import LoginBook
from crmwire_hubspot.sandbox_app.account_routes import add_owner
from crmwire_hubspot.sandbox_app.checks import checked
from crmwire_hubspot.sandbox_app.definitions import Property
from crmwire_hubspot.sandbox_app.kinds import CONTACTS, kind_of
from crmwire_hubspot.sandbox_app.link_types import plain_way
from crmwire_hubspot.sandbox_app.linking import Commit, link
from crmwire_hubspot.sandbox_app.portal import Portal, Stored
from crmwire_hubspot.sandbox_app.records import archive, insert, merge, shown
from crmwire_hubspot.sandbox_app.refusals import Refusal

Body = Mapping[str, Any]


def _create_record(portal: Portal, body: Body, commit: Commit) -> Any:
    """type, properties; additional_emails (a list); about: {type: [ids]}."""
    kind = kind_of(body["type"])
    record = insert(portal, kind, checked(portal, kind, body.get("properties") or {}), commit)
    record.properties |= {
        "hs_object_source": "CRM_UI",
        "hs_object_source_label": "CRM_UI",
    }
    more = body.get("additional_emails")
    if more:
        record.properties["hs_additional_emails"] = ";".join(str(one).lower() for one in more)
    for name, ids in (body.get("about") or {}).items():
        to = kind_of(name)
        for id_ in ids:
            link(portal, kind, record.id, to, str(id_), [plain_way(kind, to).id], commit)
    portal.changed(record)
    return shown(portal, record, every=True)


def _archive_record(portal: Portal, body: Body, commit: Commit) -> Any:
    """type, id."""
    archive(portal, _record(portal, body["type"], body["id"]), commit)
    return {}


def _merge_contacts(portal: Portal, body: Body, commit: Commit) -> Any:
    """primary, other: the ids of two contacts."""
    return _merge(portal, {**body, "type": CONTACTS.name}, commit)


def _merge(portal: Portal, body: Body, commit: Commit) -> Any:
    """type, primary, other: the ids of two contacts or companies."""
    primary = _record(portal, body["type"], body["primary"])
    other = _record(portal, body["type"], body["other"])
    return shown(portal, merge(portal, primary, other, commit), every=True)


def _add_owner(portal: Portal, body: Body, commit: Commit) -> Any:
    """email, firstName, lastName."""
    return add_owner(portal, body["email"], body.get("firstName", ""), body.get("lastName", ""))


def _set_required_property(portal: Portal, body: Body, commit: Commit) -> Any:
    """type, name: new records must have it, on the version that enforces it."""
    portal.required[kind_of(body["type"]).name].add(str(body["name"]))
    return {}


def _add_property(portal: Portal, body: Body, commit: Commit) -> Any:
    """type, name, label, field_type, group, options, unique: a property of the account's own."""
    kind = kind_of(body["type"])
    made = Property(
        name=body["name"],
        label=body.get("label", body["name"]),
        type=body.get("property_type", "string"),
        field_type=body.get("field_type", "text"),
        group=body.get("group", "contactinformation"),
        options=tuple(body.get("options") or ()),
        unique=bool(body.get("unique")),
        built_in=False,
    )
    portal.properties[kind.name][made.name] = made
    return made.shown(0)


def _set_options(portal: Portal, body: Body, commit: Commit) -> Any:
    """type, name, options: the account edits the options of a property."""
    known = portal.properties[kind_of(body["type"]).name]
    known[body["name"]] = attrs.evolve(known[body["name"]], options=tuple(body["options"]))
    return {}


def _move_property(portal: Portal, body: Body, commit: Commit) -> Any:
    """type, name, group: the account puts a property into another group."""
    known = portal.properties[kind_of(body["type"]).name]
    known[body["name"]] = attrs.evolve(known[body["name"]], group=str(body["group"]))
    return {}


def _remove_property(portal: Portal, body: Body, commit: Commit) -> Any:
    """type, name: a property is not there any more."""
    del portal.properties[kind_of(body["type"]).name][body["name"]]
    return {}


def _revoke_scope(portal: Portal, body: Body, commit: Commit) -> Any:
    """scope."""
    portal.scopes.discard(str(body["scope"]))
    return {"scopes": sorted(portal.scopes)}


def _grant_scope(portal: Portal, body: Body, commit: Commit) -> Any:
    """scope."""
    portal.scopes.add(str(body["scope"]))
    return {"scopes": sorted(portal.scopes)}


def _omit_results(portal: Portal, body: Body, commit: Commit) -> Any:
    """count: so many results are left out of the next batch answers, though written."""
    portal.omit_results = int(body.get("count", 1))
    return {}


ACTIONS: Mapping[str, Callable[[Portal, Body, Commit], Any]] = {
    "create_record": _create_record,
    "archive_record": _archive_record,
    "merge": _merge,
    "merge_contacts": _merge_contacts,
    "add_owner": _add_owner,
    "add_property": _add_property,
    "set_options": _set_options,
    "move_property": _move_property,
    "remove_property": _remove_property,
    "set_required_property": _set_required_property,
    "revoke_scope": _revoke_scope,
    "grant_scope": _grant_scope,
    "omit_results": _omit_results,
}


def act_on_login(logins: LoginBook, portal: Portal, action: str, body: Body) -> Any:
    """What an admin does to connected apps; None if the action is another.

    `uninstall_app`, `remove_user` (who installed it): its tokens hold no more. `expire_tokens`:
    the access tokens are over, seconds ago. `allow_install`, `forbid_install`: whether the user of
    the login page may connect apps.
    """
    match action:
        case "uninstall_app" | "remove_user":
            return {"ended": logins.end(portal.token, action)}
        case "expire_tokens":
            for consent in logins.consents:
                if consent.account == portal.token:
                    ago = time.time() - float(body.get("seconds", 1))
                    consent.access = dict.fromkeys(consent.access, ago)
            return {}
        case "allow_install" | "forbid_install":
            portal.may_install = action == "allow_install"
            return {"may_install": portal.may_install}
    return None


def act(portal: Portal, action: str, body: Body, commit: Commit) -> Any:
    """Do one action. Raises: LookupError for what is not there or not valid."""
    try:
        return ACTIONS[action](portal, body, commit)
    except KeyError as error:
        raise LookupError(f"{action}: nothing is known of {error}") from None
    except Refusal as refusal:
        raise LookupError(f"{action}: {refusal.message}") from None


def _record(portal: Portal, type_: str, id_: object) -> Stored:
    found = portal.by_id(kind_of(type_), str(id_))
    if found is None:
        raise LookupError(f"no {type_} {id_}")
    return found
