"""What fields and JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TypeAlias

from attrs import frozen

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""What JSON can hold."""


@frozen(kw_only=True)
class Ref:
    """Stands for the id of the record that another write of the same batch makes."""

    write: str


Value: TypeAlias = (
    "bool | int | float | str | datetime | date | Ref "
    "| Sequence[Value] | Mapping[str, Value] | None"
)
"""What a field can be set to; a `Ref` may stand anywhere inside. Datetimes are aware."""
