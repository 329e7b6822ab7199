"""HubSpot's own association types, as the official clients number them."""

from __future__ import annotations

from attrs import frozen

from crmwire_hubspot.sandbox_app.kinds import Kind
from crmwire_hubspot.sandbox_app.refusals import Refusal


@frozen(kw_only=True)
class LinkType:
    """One of HubSpot's own association types and its other direction."""

    from_: str
    to: str
    id: int
    back: int
    label: str | None = None
    back_label: str | None = None


_TYPES = [
    LinkType(from_="meetings", to="contacts", id=200, back=199),
    LinkType(from_="meetings", to="companies", id=188, back=187),
    LinkType(from_="meetings", to="deals", id=212, back=211),
    LinkType(from_="notes", to="contacts", id=202, back=201),
    LinkType(from_="notes", to="companies", id=190, back=189),
    LinkType(from_="notes", to="deals", id=214, back=213),
    LinkType(from_="tasks", to="contacts", id=204, back=203),
    LinkType(from_="tasks", to="companies", id=192, back=191),
    LinkType(from_="tasks", to="deals", id=216, back=215),
    LinkType(from_="contacts", to="companies", id=279, back=280),
    LinkType(
        from_="contacts",
        to="companies",
        id=1,
        back=2,
        label="Primary",
        back_label="Primary Company",
    ),
    LinkType(from_="contacts", to="deals", id=4, back=3),
    LinkType(from_="deals", to="companies", id=341, back=342),
    LinkType(from_="deals", to="companies", id=5, back=6, label="Primary", back_label="Primary"),
]


@frozen(kw_only=True)
class Way:
    """A type seen in one direction."""

    id: int
    back: int
    label: str | None


def ways(kind: Kind, to: Kind) -> dict[int, Way]:
    """The types from one object type to another, by id."""
    found: dict[int, Way] = {}
    for one in _TYPES:
        if (one.from_, one.to) == (kind.name, to.name):
            found[one.id] = Way(id=one.id, back=one.back, label=one.label)
        if (one.to, one.from_) == (kind.name, to.name):
            found[one.back] = Way(id=one.back, back=one.id, label=one.back_label)
    return found


PRIMARY = frozenset([1, 2, 5, 6])


def plain_way(kind: Kind, to: Kind) -> Way:
    """The unlabelled type between two object types. Raises: Refusal."""
    for way in ways(kind, to).values():
        if way.label is None:
            return way
    # Guess: the wording.
    raise Refusal(400, f"{kind.upper} cannot be associated with {to.upper}")
