"""Parts of planning that need no CRM."""

from __future__ import annotations

import pytest

from crmwire.pipeline.deciding import _with_user
from crmwire.types import FieldChange, UserRef


@pytest.mark.parametrize(
    ("old", "written", "why"),
    [
        (None, True, "always"),
        ("u2", True, "always"),
        ("u1", False, "unchanged"),
    ],
)
def test_an_owner_who_stands_there_already_is_not_written(
    old: str | None, written: bool, why: str
) -> None:
    change = FieldChange(
        name="owner", old=old, new=UserRef(email="h@example.com"), written=True, why="always"
    )
    made = _with_user(change, {"h@example.com": "u1"})
    assert (made.new, made.written, made.why) == ("u1", written, why)
