"""One write to a record: created, upserted, updated or deleted."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parsedate_to_datetime

import attrs

from crmwire.errors import NeedsReview, Rejected
from crmwire.http import Request, Response
from crmwire.types import Write, Written
from crmwire_attio import api, errors, values
from crmwire_attio.flows import Flow
from crmwire_attio.lookup import any_of
from crmwire_attio.records.comparing import differs, stored_values
from crmwire_attio.records.jobs import Job, new_job
from crmwire_attio.records.owners import review, to_owner
from crmwire_attio.records.sending import change, send
from crmwire_attio.schema import Attribute, Schema

_OLD = timedelta(seconds=60)


def write_record(schema: Schema, write: Write) -> Flow[Written]:
    """Do one write. Raises (in the flow): the Failure that ends it."""
    if write.action == "delete":
        return (yield from _delete(write))
    job = new_job(schema, write)
    try:
        match write.action:
            case "create":
                return (yield from _create(job))
            case "upsert":
                return (yield from _upsert(job))
            case _:
                return (yield from _update(job))
    except Rejected as failure:
        if failure.code != errors.CONFLICT:
            raise
        return (yield from to_owner(job, failure))
    except NeedsReview as failure:
        if failure.code != errors.SEVERAL or write.match is None:
            raise
        found = yield from api.all_rows(write.type, any_of([(write.match.name, write.match.value)]))
        raise review(job, failure.message, found) from None


def _create(job: Job) -> Flow[Written]:
    def request(given: api.Values) -> Request:
        return api.create(job.write.type, given)

    response = yield from send(job, request, lambda _: True)
    return job.written(api.row(response), response, created=True)


def _upsert(job: Job) -> Flow[Written]:
    key = job.write.match
    if key is None:
        raise Rejected("An upsert needs a key to match by.", code="no_key")
    if key.name not in job.values:
        attribute = job.schema.attribute(job.write.type, key.name)
        job.attributes[key.name] = attribute
        job.values[key.name] = values.written(attribute, key.value)

    first = {
        slug
        for slug, one in job.attributes.items()
        if slug == key.name or not one.multi or job.replaces(one)
    }

    def asserted(attribute: Attribute) -> bool:
        return attribute.slug in first

    response = yield from send(
        job, lambda given: api.upsert(job.write.type, key.name, given), asserted
    )
    row, created = api.row(response), _created(response)

    if created is not False:
        _fill(job, row)

    def follows(attribute: Attribute) -> bool:
        return not asserted(attribute) and differs(job, row, attribute)

    last = yield from change(job, api.id_of(row), follows)
    return job.written(row, last or response, created)


def _fill(job: Job, row: api.Row) -> None:
    """Take up `on_create` fields of which the answer of an assert shows nothing yet.

    Nothing in it tells whether it created, so that what is there is left alone.
    """
    filled = attrs.evolve(job.write, fields=job.write.on_create, on_create={})
    more = new_job(job.schema, filled)
    for slug, attribute in more.attributes.items():
        if slug not in job.values and not stored_values(row, attribute):
            job.attributes[slug], job.values[slug] = attribute, more.values[slug]
    job.dropped += more.dropped
    job.write = attrs.evolve(job.write, fields={**job.write.on_create, **job.write.fields})


def _update(job: Job) -> Flow[Written]:
    record = job.write.record
    if record is None:
        raise Rejected("An update needs a record's id.", code="no_record")
    response = yield from change(job, record, lambda _: True)
    if response is None:
        return Written(
            id=job.write.id,
            type=job.write.type,
            record=record,
            created=False,
            dropped=tuple(job.dropped),
        )
    return job.written(api.row(response), response, created=False)


def _delete(write: Write) -> Flow[Written]:
    record = str(write.record)
    response = yield from api.remove("objects", write.type, "records", record)
    return Written(id=write.id, type=write.type, record=record, request_id=response.request_id)


def _created(response: Response) -> bool | None:
    """Whether an assert created its record, as far as can be told: nothing in it says so.

    A record that is a minute old by the server's own clock was there before.
    """
    made = api.parsed_time(api.row(response).get("created_at"))
    try:
        now = parsedate_to_datetime(response.headers["date"])
        return False if made is not None and now - made > _OLD else None
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
