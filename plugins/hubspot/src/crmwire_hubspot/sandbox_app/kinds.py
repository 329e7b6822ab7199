"""The object types of a portal."""

from __future__ import annotations

from attrs import frozen

from crmwire_hubspot.sandbox_app.refusals import Refusal


@frozen(kw_only=True)
class Kind:
    """One object type; `defaults` are the properties that are shown unasked."""

    name: str
    singular: str
    type_id: str
    defaults: tuple[str, ...]
    created: str = "hs_createdate"
    modified: str = "hs_lastmodifieddate"
    scope: str = "contacts"
    mergeable: bool = False

    @property
    def upper(self) -> str:
        return self.singular.upper()


_ACTIVITY = ("hs_createdate", "hs_lastmodifieddate", "hs_object_id")

CONTACTS = Kind(
    name="contacts",
    singular="contact",
    type_id="0-1",
    defaults=(
        "createdate",
        "email",
        "firstname",
        "hs_object_id",
        "lastmodifieddate",
        "lastname",
    ),
    created="createdate",
    modified="lastmodifieddate",
    mergeable=True,
)
COMPANIES = Kind(
    name="companies",
    singular="company",
    type_id="0-2",
    defaults=("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
    created="createdate",
    scope="companies",
    mergeable=True,
)
DEALS = Kind(
    name="deals",
    singular="deal",
    type_id="0-3",
    defaults=(
        "amount",
        "closedate",
        "createdate",
        "dealname",
        "dealstage",
        "hs_lastmodifieddate",
        "hs_object_id",
        "pipeline",
    ),
    created="createdate",
    scope="deals",
)
MEETINGS = Kind(name="meetings", singular="meeting", type_id="0-47", defaults=_ACTIVITY)
NOTES = Kind(name="notes", singular="note", type_id="0-46", defaults=_ACTIVITY)
TASKS = Kind(name="tasks", singular="task", type_id="0-27", defaults=_ACTIVITY)

KINDS = {kind.name: kind for kind in (CONTACTS, COMPANIES, DEALS, MEETINGS, NOTES, TASKS)}
ACTIVITIES = frozenset(["meetings", "notes", "tasks"])


def kind_of(name: str) -> Kind:
    """The type of a path's part: plural, singular or type id, in any case. Raises: Refusal."""
    wanted = name.lower()
    for kind in KINDS.values():
        if wanted in (kind.name, kind.singular, kind.type_id):
            return kind
    raise Refusal(400, f"Unable to infer object type from: {name}", category=None)
