"""The standard objects of a new workspace: people and companies, with their system attributes.

Names, types and flags as GET /v2/objects/{object}/attributes lists them (2026-05); deals, users
and workspaces are off until an admin turns them on.
"""

from __future__ import annotations

import uuid

from crmwire_attio.sandbox_app.workspace import Attribute, Object, Option, Workspace

_INTERACTIONS = [
    f"{which}_{kind}interaction"
    for kind, whiches in (
        ("calendar_", ("first", "last", "next")),
        ("email_", ("first", "last")),
        ("", ("first", "last", "next")),
    )
    for which in whiches
]
_RANGES = ("1-10", "11-50", "51-250", "251-1K", "1K-5K", "5K-10K", "10K-50K", "50K-100K", "100K+")
_STRENGTHS = ("Very weak", "Weak", "Good", "Strong", "Very strong")
# Guess: titles of these options; no list of them was published.
_OPTIONS = {
    "categories": ("B2B", "B2C", "SAAS", "Technology"),
    "estimated_arr_usd": ("<$1M", "$1M-$10M", "$10M-$50M", "$50M-$100M", "$100M+"),
    "employee_range": _RANGES,
    "strongest_connection_strength": _STRENGTHS,
}
_TITLES = {
    "record_id": "Record ID",
    "avatar_url": "Avatar URL",
    "logo_url": "Logo URL",
    "angellist": "AngelList",
    "linkedin": "LinkedIn",
    "estimated_arr_usd": "Estimated ARR",
    "funding_raised_usd": "Funding raised",
    "strongest_connection_strength_legacy": "Connection strength (legacy)",
    "strongest_connection_strength": "Connection strength",
    "strongest_connection_user": "Strongest connection",
}
_RELATIONS = {
    ("people", "company"): ("companies", "team"),
    ("companies", "team"): ("people", "company"),
}

# slug, type and flags: u unique, m multiselect, r read only; after > the object pointed to.
_SOCIAL = "angellist:text facebook:text instagram:text linkedin:text twitter:text"
_LATER = (
    "twitter_follower_count:number:r "
    + " ".join(f"{slug}:interaction:r" for slug in _INTERACTIONS)
    + " strongest_connection_strength_legacy:number:r strongest_connection_strength:select:r"
    " strongest_connection_user:actor-reference:r"
)
_LAST = "created_at:timestamp:r created_by:actor-reference:r"
STANDARD = {
    ("people", "Person", "People"): (
        "record_id:text:ur name:personal-name email_addresses:email-address:um description:text "
        "company:record-reference>companies job_title:text avatar_url:text:r "
        f"phone_numbers:phone-number:m primary_location:location {_SOCIAL} {_LATER} "
        "associated_deals:record-reference:m>deals associated_users:record-reference:m>users "
        f"{_LAST}"
    ),
    ("companies", "Company", "Companies"): (
        "record_id:text:ur domains:domain:um name:text description:text "
        "team:record-reference:m>people categories:select:m primary_location:location "
        f"logo_url:text:r {_SOCIAL} twitter_follower_count:number:r estimated_arr_usd:select "
        "funding_raised_usd:currency foundation_date:date employee_range:select "
        f"{_LATER.partition(' ')[2]} associated_deals:record-reference:m>deals "
        f"associated_workspaces:record-reference:m>workspaces {_LAST}"
    ),
}


def add_standard_objects(workspace: Workspace) -> None:
    for (slug, singular, plural), attributes in STANDARD.items():
        made = Object(
            slug=slug,
            singular=singular,
            plural=plural,
            id=fixed_id(workspace, slug),
            created_at=workspace.started_at,
        )
        for text in attributes.split():
            attribute = _attribute(slug, text)
            attribute.id = fixed_id(workspace, f"{slug}.{attribute.slug}")
            made.attributes[attribute.slug] = attribute
        workspace.objects[slug] = made


def fixed_id(workspace: Workspace, name: str) -> str:
    """An id that is the same in each run."""
    return str(uuid.uuid5(uuid.UUID(workspace.id), name))


def _attribute(object_: str, text: str) -> Attribute:
    text, _, target = text.partition(">")
    slug, type_, flags = [*text.split(":"), ""][:3]
    return Attribute(
        slug=slug,
        title=_TITLES.get(slug, slug.replace("_", " ").capitalize()),
        type=type_,
        writable="r" not in flags,
        unique="u" in flags,
        multi="m" in flags,
        currency="USD" if type_ == "currency" else None,
        targets=(target,) if target else (),
        relation=_RELATIONS.get((object_, slug)),
        options=[Option(title=title) for title in _OPTIONS.get(slug, ())],
    )
