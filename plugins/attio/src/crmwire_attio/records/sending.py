"""Sending the values of a write, without those that are refused and may be left out."""

from __future__ import annotations

from collections.abc import Callable

from crmwire.errors import Rejected
from crmwire.http import Request, Response
from crmwire_attio import api, errors
from crmwire_attio.choices import explained
from crmwire_attio.flows import Flow
from crmwire_attio.records.jobs import Job
from crmwire_attio.schema import Attribute


def change(job: Job, record: str, wanted: Callable[[Attribute], bool]) -> Flow[Response | None]:
    """Change a record by its id in as few calls as its attributes allow: none, one or two."""

    def overwritten(attribute: Attribute) -> bool:
        return job.replaces(attribute) or not job.values[attribute.slug]

    def joined(attribute: Attribute) -> bool:
        return wanted(attribute) and not overwritten(attribute)

    def put(attribute: Attribute) -> bool:
        return wanted(attribute) and overwritten(attribute)

    response: Response | None = None
    for part, request in ((joined, api.append), (put, api.overwrite)):
        if not job.only(part):
            continue
        try:
            response = yield from send(job, _to(request, job, record), part)
        except Rejected:
            if job.only(part):
                raise
            # All of it was refused and may be left out.
    return response


def _to(
    request: Callable[[str, str, api.Values], Request], job: Job, record: str
) -> Callable[[api.Values], Request]:
    return lambda given: request(job.write.type, record, given)


def send(
    job: Job, request: Callable[[api.Values], Request], wanted: Callable[[Attribute], bool]
) -> Flow[Response]:
    """Send the wanted values; again without those that are refused and may be left out.

    Raises (in the flow): the Failure, also if nothing would be left to send.
    """
    while True:
        given = job.only(wanted)
        try:
            return (yield request(given))
        except Rejected as refusal:
            failure = yield from explained(job.write.type, job.attributes, given, refusal)
            named = [slug for slug in failure.fields if slug in given]
            refused = [slug for slug in named if slug in job.write.drop_allowed]
            if not refused or failure.code == errors.CONFLICT:
                raise failure from None
            job.drop(refused)
            if not job.only(wanted):
                raise failure from None
