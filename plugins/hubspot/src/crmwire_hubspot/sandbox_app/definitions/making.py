"""Short words for definitions of the usual kinds."""

from __future__ import annotations

import attrs

from crmwire_hubspot.sandbox_app.definitions.property import Property


def texts(group: str, names: str) -> list[Property]:
    """Single-line texts: `name=Label`, one each line."""
    rows = [row.strip().partition("=") for row in names.strip().splitlines()]
    return [Property(name=name, label=label, group=group) for name, _, label in rows]


def computed(group: str, created: str, modified: str) -> list[Property]:
    """What HubSpot itself keeps of every record."""
    when = Property(
        name=created,
        label="Create Date",
        type="datetime",
        field_type="date",
        group=group,
        read_only=True,
    )
    return [
        when,
        attrs.evolve(when, name=modified, label="Last Modified Date"),
        Property(
            name="hs_object_id",
            label="Record ID",
            type="number",
            field_type="number",
            group=group,
            read_only=True,
        ),
        *(
            Property(name=name, label=label, group=group, read_only=True, hidden=True)
            for name, label in (
                ("hs_object_source", "Record creation source"),
                ("hs_object_source_id", "Record creation source ID"),
                ("hs_object_source_label", "Record source"),
                ("hs_merged_object_ids", "Merged record IDs"),
            )
        ),
    ]


def owners(label: str, group: str) -> list[Property]:
    """Whose a record is, with what HubSpot works out of it."""
    owner = Property(
        name="hubspot_owner_id",
        label=label,
        type="enumeration",
        field_type="select",
        group=group,
        external=True,
    )
    return [
        owner,
        *(
            attrs.evolve(owner, name=name, label=text, external=False, calculated=True, hidden=True)
            for name, text in (
                ("hs_all_owner_ids", "All owner IDs"),
                ("hs_user_ids_of_all_owners", "User IDs of all owners"),
                ("hubspot_owner_assigneddate", "Owner assigned date"),
            )
        ),
    ]


def choice(name: str, label: str, group: str, options: tuple[str, ...]) -> Property:
    """One of several options."""
    return Property(
        name=name,
        label=label,
        type="enumeration",
        field_type="select",
        group=group,
        options=options,
    )


def phone(name: str, label: str, group: str) -> Property:
    """A phone number."""
    return Property(name=name, label=label, field_type="phonenumber", group=group)


def number(name: str, label: str, group: str) -> Property:
    """A number."""
    return Property(name=name, label=label, type="number", field_type="number", group=group)


def moment(name: str, label: str, group: str, *, read_only: bool = False) -> Property:
    """A moment: a date with its time."""
    return Property(
        name=name,
        label=label,
        type="datetime",
        field_type="date",
        group=group,
        read_only=read_only,
    )


def html(name: str, label: str, group: str) -> Property:
    """A formatted text."""
    return Property(name=name, label=label, field_type="html", group=group)


def hidden(group: str, names: str) -> list[Property]:
    """What HubSpot works out and does not show: `name=Label`, one each line."""
    return [attrs.evolve(one, calculated=True, hidden=True) for one in texts(group, names)]
