"""A connection's settings from plain data."""

from __future__ import annotations

from functools import cache

import cattrs

from crmwire.connections import ConnectionSettings
from crmwire.mapping_form import converter, structured


def settings_of(data: object, where: str) -> ConnectionSettings:
    """Connection settings from plain data. Raises: ConfigurationError with every problem."""
    return structured(_converter(), data, ConnectionSettings, where)


@cache
def _converter() -> cattrs.Converter:
    conv = converter()
    conv.register_structure_hook(float, lambda value, _: _number(value))
    conv.register_structure_hook(
        float | None, lambda value, _: None if value is None else _number(value)
    )
    return conv


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number, not {value!r}")
    return float(value)
