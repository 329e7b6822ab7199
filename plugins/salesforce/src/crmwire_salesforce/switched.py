"""Tables of a mapping that a route's options have switched off.

A preset may let the team choose whether an activity is registered at all. Without one, the person
is all that an event is written to, as in a mapping that has no activity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from crmwire.mapping import Mapping
    from crmwire.mapping_form import ActivityTable


def without_switched_off(mapping: Mapping) -> Mapping:
    """The mapping without the activities whose `when` the options alone make false.

    Raises: ExpressionError.
    """
    off = {
        role for role, table in mapping.activities.items() if _switched_off(table, mapping.options)
    }
    if not off:
        return mapping
    form = attrs.evolve(
        mapping.form,
        activity=None if "activity" in off else mapping.form.activity,
        records={
            name: table
            for name, table in mapping.form.records.items()
            if f"records.{name}" not in off
        },
    )
    return attrs.evolve(mapping, form=form)


def _switched_off(table: ActivityTable, options: object) -> bool:
    when = table.when
    if when is None or not when.paths:
        return False
    if any(path.partition(".")[0] != "options" for path in when.paths):
        return False
    return not when({"options": options})
