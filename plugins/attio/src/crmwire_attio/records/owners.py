"""Values that another record holds: that one is written to, or a person is asked."""

from __future__ import annotations

from collections.abc import Sequence

from crmwire.errors import Failure, NeedsReview
from crmwire.http import Response
from crmwire.types import Record, Written
from crmwire_attio import api, errors
from crmwire_attio.flows import Flow
from crmwire_attio.lookup import any_of, as_record
from crmwire_attio.records.comparing import shown_values, stored_values, wanted_values
from crmwire_attio.records.jobs import Job
from crmwire_attio.records.sending import send
from crmwire_attio.schema import Attribute


def to_owner(job: Job, conflict: Failure) -> Flow[Written]:
    """Write to the record that holds our unique value instead.

    It was not read when the fields were decided on, so only what is empty there is filled and
    only lists are added to; what differs otherwise is left alone and named in `dropped`.
    """
    pairs = [
        (slug, one)
        for slug, attribute in job.attributes.items()
        if attribute.unique and slug in job.values
        for one in wanted_values(job, attribute)
    ]
    if not pairs:
        raise conflict
    found = yield from api.all_rows(job.write.type, any_of(pairs))
    owners = [row for row in found if api.id_of(row) != job.write.record]
    if len(found) > 1 and job.write.action != "update":
        raise review(job, "The values of one person belong to several records.", found)
    if not owners:
        raise conflict
    if len(owners) > 1:
        raise review(job, "The values of one record belong to several others.", owners)
    owner = owners[0]
    filled = [
        slug
        for slug, attribute in job.attributes.items()
        if slug in job.values and _fills(job, owner, attribute)
    ]
    left = [
        slug
        for slug, attribute in job.attributes.items()
        if slug in job.values and slug not in filled and not attribute.multi
        if stored_values(owner, attribute) != shown_values(attribute, job.values[slug])
    ]
    job.drop(left)
    response: Response | None = None
    if filled:
        response = yield from send(
            job,
            lambda given: api.append(job.write.type, api.id_of(owner), given),
            lambda attribute: attribute.slug in filled,
        )
    return job.written(owner, response, created=False)


def _fills(job: Job, owner: api.Row, attribute: Attribute) -> bool:
    if attribute.multi:
        stored = stored_values(owner, attribute)
        return any(one not in stored for one in wanted_values(job, attribute))
    return bool(job.values[attribute.slug]) and not stored_values(owner, attribute)


def review(job: Job, message: str, rows: Sequence[api.Row]) -> NeedsReview:
    """The failure that lets a person say which of these records is meant."""
    wanted = [slug for slug, attribute in job.attributes.items() if attribute.unique]
    candidates: list[Record] = [
        as_record(job.write.type, row, [*wanted, "name"], job.schema) for row in rows
    ]
    return NeedsReview(
        message,
        remedy=errors.BY_CODE[errors.SEVERAL].remedy,
        code=errors.SEVERAL,
        candidates=candidates,
        fields=wanted,
    )
