"""Companies that are the same though core could not tell: new ones of one batch.

Core folds drafts of one first key; a company that one guest tells by domain and name and another
by its name alone has two. HubSpot keeps both, since neither property is unique.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from crmwire.errors import Failure
from crmwire.types import Write, Written
from crmwire.waves import because_of
from crmwire_hubspot.kinds import COMPANIES
from crmwire_hubspot.searching import search_key
from crmwire_hubspot.settings import settings_of

_TELLING = ("domain", "name")
Outcome = Written | Failure


def folded(writes: Sequence[Write]) -> tuple[list[Write], dict[str, str]]:
    """The writes to send, and for each that is not sent the write that makes its company.

    What only the later one knows joins the first.
    """
    kept: dict[str, Write] = {}
    leader_of: dict[tuple[str, str], str] = {}
    followers: dict[str, str] = {}
    for write in writes:
        if write.type != COMPANIES or write.action != "create":
            kept[write.id] = write
            continue
        keys = {
            name: search_key(name, str(write.fields[name]))
            for name in _TELLING
            if write.fields.get(name)
        }
        same = settings_of(write).same_company
        leader = next(
            (leader_of[name, keys[name]] for name in same if (name, keys.get(name)) in leader_of),
            None,
        )
        if leader is None:
            kept[write.id] = write
        else:
            followers[write.id] = leader
            known = kept[leader]
            kept[leader] = attrs.evolve(known, fields={**write.fields, **known.fields})
        for pair in keys.items():
            leader_of.setdefault(pair, leader or write.id)
    return list(kept.values()), followers


def of_followers(
    followers: Mapping[str, str], outcomes: Mapping[str, Outcome]
) -> dict[str, Outcome]:
    """What becomes of those that were not sent: the same company, or the same failure."""
    told: dict[str, Outcome] = {}
    for name, leader in followers.items():
        outcome = outcomes[leader]
        if isinstance(outcome, Written):
            told[name] = attrs.evolve(outcome, id=name, created=False)
        else:
            told[name] = because_of(outcome).marked(sent=outcome.sent)
    return told
