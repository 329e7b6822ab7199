"""What a write sends against what a record holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmwire.types import Value
from crmwire_attio import api, values
from crmwire_attio.records.jobs import Job
from crmwire_attio.schema import Attribute


def differs(job: Job, row: api.Row, attribute: Attribute) -> bool:
    """Whether the record lacks something of what the write sends (or holds more, if replaced)."""
    stored = stored_values(row, attribute)
    wanted = wanted_values(job, attribute)
    if job.replaces(attribute):
        return stored != wanted
    return any(one not in stored for one in wanted)


def stored_values(row: api.Row, attribute: Attribute) -> list[str]:
    """What a record holds of an attribute, as it is compared."""
    elements = row["values"].get(attribute.slug, ())
    return [values.comparable(attribute.slug, values.simple(element)) for element in elements]


def wanted_values(job: Job, attribute: Attribute) -> list[str]:
    """What a write sends for an attribute, as it is compared."""
    field: Value = job.write.fields.get(attribute.slug)
    many = isinstance(field, Sequence) and not isinstance(field, str)
    given: Any = field if many else [field]
    return [values.comparable(attribute.slug, one) for one in given if one is not None]


def shown_values(attribute: Attribute, given: Sequence[Any]) -> list[str]:
    """Values in the form of a write, as they are compared with stored ones."""
    shown = [one.get("full_name") if isinstance(one, Mapping) else one for one in given]
    return [values.comparable(attribute.slug, one) for one in shown]
