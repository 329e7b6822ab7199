"""Whose code an exception came out of, in few words: troubles of one kind are told once."""

from __future__ import annotations

import traceback
from pathlib import Path


def where(error: BaseException) -> str:
    """The kind of the exception, and the last place of crmwire or its plugins on its way."""
    cause = error.__cause__ or error
    frames = traceback.extract_tb(cause.__traceback__)
    own = [one for one in frames if "crmwire" in one.filename and "fuzz" not in one.filename]
    if not (own or frames):
        return type(cause).__name__
    last = (own or frames)[-1]
    return f"{type(cause).__name__} in {Path(last.filename).name}:{last.lineno} {last.name}"
