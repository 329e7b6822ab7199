"""What all batch routes share: their inputs and the frame of their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from crmwire_hubspot.sandbox_app import times
from crmwire_hubspot.sandbox_app.refusals import Refusal, malformed
from crmwire_hubspot.sandbox_app.times import stamp

if TYPE_CHECKING:
    from crmwire_hubspot.sandbox_app.calls import Call


def inputs_of(call: Call, most: int) -> list[Mapping[str, Any]]:
    """The inputs of a batch call. Raises: Refusal."""
    inputs = call.body.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(one, Mapping) for one in inputs):
        raise malformed("`inputs` must be a list of objects")
    if len(inputs) > most:
        # Guess: the wording.
        raise Refusal(400, f"The maximum number of inputs is {most}")
    return inputs


def batch_answer(results: Sequence[Any], errors: Sequence[Any], status: int) -> JSONResponse:
    """A batch's answer: 207 if there are errors; `status` says COMPLETE all the same."""
    when = stamp(times.now())
    data: dict[str, Any] = {"status": "COMPLETE", "results": list(results)}
    if errors:
        data |= {"numErrors": len(errors), "errors": list(errors)}
    data |= {"startedAt": when, "completedAt": when}
    return JSONResponse(data, 207 if errors else status)
