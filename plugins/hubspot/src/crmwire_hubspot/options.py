"""Outcomes as the account spells them: an administrator may edit a property's options.

HubSpot's own are SCHEDULED, COMPLETED, RESCHEDULED, NO_SHOW and CANCELED; vendor texts spell the
last with two L as well (developers.hubspot.com/docs, "Meetings", read 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from crmwire.errors import Failure, Rejected
from crmwire.types import Write
from crmwire_hubspot import fields
from crmwire_hubspot.kinds import MEETINGS

if TYPE_CHECKING:
    from crmwire.connections import Connection

OUTCOME = "hs_meeting_outcome"


def fitted(conn: Connection, write: Write) -> tuple[Write, tuple[str, ...]]:
    """The write with its outcome as the account spells it, and what had to be left out.

    What the account has is looked up in what was read of it; nothing is read for it. An outcome
    that the account does not have is left out; one that is all there is to write is
    not, or a cancelled meeting would go on looking like one that takes place.
    Raises: Rejected.
    """
    wanted = write.fields.get(OUTCOME)
    if write.type != MEETINGS or not isinstance(wanted, str) or not wanted:
        return write, ()
    options = known_options(conn)
    if options is None or wanted in options:
        return write, ()
    spelled = same_option(wanted, options)
    if spelled is not None:
        return attrs.evolve(write, fields={**write.fields, OUTCOME: spelled}), ()
    rest = {name: value for name, value in write.fields.items() if name != OUTCOME}
    if not rest:
        raise Rejected(
            f"The account has no meeting outcome {wanted}, and nothing else was to be written.",
            remedy=f"Add the option {wanted} to {OUTCOME} in HubSpot's settings, or change "
            "another property in the mapping; then retry.",
            code="INVALID_OPTION",
            fields=(OUTCOME,),
        )
    return attrs.evolve(write, fields=rest), (OUTCOME,)


def refused_outcome(failure: object) -> bool:
    """Whether HubSpot refused a meeting for its outcome, which it may spell otherwise."""
    return (
        isinstance(failure, Rejected)
        and failure.code == "INVALID_OPTION"
        and OUTCOME in failure.fields
    )


def read_options(conn: Connection) -> bool:
    """Read the account's outcomes anew; whether that was possible."""
    try:
        fields.warm_up(conn, MEETINGS)
    except Failure:
        return False
    return True


def known_options(conn: Connection) -> tuple[str, ...] | None:
    """The account's outcomes; None while they were not read: HubSpot then has the say."""
    return fields.known_options(conn, MEETINGS, OUTCOME) or None


def same_option(wanted: str, options: Iterable[str]) -> str | None:
    """The option that means the same, whatever its case, spaces and number of L."""
    return next((option for option in options if _bare(option) == _bare(wanted)), None)


def _bare(option: str) -> str:
    letters = "".join(letter for letter in option.lower() if letter.isalnum())
    return letters.replace("ll", "l")
