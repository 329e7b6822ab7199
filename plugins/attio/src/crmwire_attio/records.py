"""Writing records: people, companies and whatever objects a workspace has.

- create is a POST; a unique value that another record holds turns it into an update of that one.
- upsert is an assert (PUT by matching attribute). An assert replaces the values of every other
  multiselect attribute, so those that are to be added to never stand in one: they follow in a
  call of their own, if the assert's answer shows that something is missing.
- update is a PATCH, in which values of multiselect attributes join those that are there; one
  that is to be replaced, and any that is to be emptied, goes in a PUT by id.
Values of a unique attribute (addresses, domains) always join: they say who somebody is. So do
phone numbers, which are not to be lost.
docs.attio.com/rest-api/endpoint-reference, records (read 2026-11).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import attrs
from attrs import define

from crmwire.errors import Failure, NeedsReview, Rejected
from crmwire.filters import FILTERS
from crmwire.http import Request, Response
from crmwire.types import Record, Value, Write, Written
from crmwire_attio import api, errors, values
from crmwire_attio.choices import explained
from crmwire_attio.errors import NO_OBJECT
from crmwire_attio.flows import Flow
from crmwire_attio.lookup import any_of, as_record
from crmwire_attio.schema import Attribute, Schema

_OLD = timedelta(seconds=60)


@define(kw_only=True)
class _Job:
    """One write being done: its attributes, its values in the API's form, what was left out."""

    write: Write
    schema: Schema
    attributes: dict[str, Attribute]
    values: dict[str, list[Any]]
    dropped: list[str] = attrs.field(factory=list)

    def only(self, wanted: Callable[[Attribute], bool]) -> dict[str, list[Any]]:
        return {slug: given for slug, given in self.values.items() if wanted(self.attributes[slug])}

    def replaces(self, attribute: Attribute) -> bool:
        """Whether the write makes this attribute exactly what it sends."""
        joins = attribute.unique or attribute.type == "phone-number"
        return attribute.multi and not joins and attribute.slug not in self.write.add

    def drop(self, slugs: Sequence[str]) -> None:
        for slug in slugs:
            self.values.pop(slug, None)
            self.dropped.append(slug)

    def written(self, row: api.Row, response: Response | None, created: bool | None) -> Written:
        return Written(
            id=self.write.id,
            type=self.write.type,
            record=api.id_of(row),
            created=created,
            url=row.get("web_url"),
            dropped=tuple(self.dropped),
            request_id=response.request_id if response else "",
        )


def write_record(schema: Schema, write: Write) -> Flow[Written]:
    """Do one write. Raises (in the flow): the Failure that ends it."""
    if write.action == "delete":
        return (yield from _delete(write))
    job = _job(schema, write)
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
        return (yield from _to_owner(job, failure))
    except NeedsReview as failure:
        if failure.code != errors.SEVERAL or write.match is None:
            raise
        found = yield from api.all_rows(write.type, any_of([(write.match.name, write.match.value)]))
        raise _review(job, failure.message, found) from None


def _job(schema: Schema, write: Write) -> _Job:
    job = _Job(write=write, schema=schema, attributes={}, values={})
    for slug, value in write.fields.items():
        try:
            attribute = schema.attribute(write.type, slug)
            given = values.written(attribute, value)
            if write.type == "companies" and slug == "domains":
                given = [_company_domain(str(one)) for one in given]
        except Rejected as failure:
            if slug not in write.drop_allowed or failure.code == NO_OBJECT:
                raise
            job.dropped.append(slug)
            continue
        job.attributes[slug], job.values[slug] = attribute, given
    return job


def _company_domain(domain: str) -> str:
    """The domain. Raises: Rejected if it is a mail provider's, which is nobody's company."""
    if FILTERS["company_domain"](domain) is None:
        raise Rejected(
            f"{domain} is a mail provider's domain, not a company's.",
            remedy="Use the filter company_domain in the mapping, which leaves such domains out.",
            code="free_mail",
            fields=("domains",),
        )
    return domain


# ---------------------------------------------------------------- the four actions


def _create(job: _Job) -> Flow[Written]:
    def request(given: api.Values) -> Request:
        return api.create(job.write.type, given)

    response = yield from _send(job, request, lambda _: True)
    return job.written(api.row(response), response, created=True)


def _upsert(job: _Job) -> Flow[Written]:
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

    response = yield from _send(
        job, lambda given: api.upsert(job.write.type, key.name, given), asserted
    )
    row, created = api.row(response), _created(response)

    if created is not False:
        _fill(job, row)

    def follows(attribute: Attribute) -> bool:
        return not asserted(attribute) and _differs(job, row, attribute)

    last = yield from _change(job, api.id_of(row), follows)
    return job.written(row, last or response, created)


def _fill(job: _Job, row: api.Row) -> None:
    """Take up `on_create` fields of which the answer of an assert shows nothing yet.

    Nothing in it tells whether it created, so that what is there is left alone.
    """
    filled = attrs.evolve(job.write, fields=job.write.on_create, on_create={})
    more = _job(job.schema, filled)
    for slug, attribute in more.attributes.items():
        if slug not in job.values and not _stored(row, attribute):
            job.attributes[slug], job.values[slug] = attribute, more.values[slug]
    job.dropped += more.dropped
    job.write = attrs.evolve(job.write, fields={**job.write.on_create, **job.write.fields})


def _update(job: _Job) -> Flow[Written]:
    record = job.write.record
    if record is None:
        raise Rejected("An update needs a record's id.", code="no_record")
    response = yield from _change(job, record, lambda _: True)
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
    response = yield api.remove("objects", write.type, "records", record)
    return Written(id=write.id, type=write.type, record=record, request_id=response.request_id)


# ---------------------------------------------------------------- steps of these


def _change(job: _Job, record: str, wanted: Callable[[Attribute], bool]) -> Flow[Response | None]:
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
            response = yield from _send(job, _to(request, job, record), part)
        except Rejected:
            if job.only(part):
                raise
            # All of it was refused and may be left out.
    return response


def _to(
    request: Callable[[str, str, api.Values], Request], job: _Job, record: str
) -> Callable[[api.Values], Request]:
    return lambda given: request(job.write.type, record, given)


def _send(
    job: _Job, request: Callable[[api.Values], Request], wanted: Callable[[Attribute], bool]
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


def _differs(job: _Job, row: api.Row, attribute: Attribute) -> bool:
    """Whether the record lacks something of what the write sends (or holds more, if replaced)."""
    stored = _stored(row, attribute)
    wanted = _wanted(job, attribute)
    if job.replaces(attribute):
        return stored != wanted
    return any(one not in stored for one in wanted)


def _stored(row: api.Row, attribute: Attribute) -> list[str]:
    elements = row["values"].get(attribute.slug, ())
    return [values.comparable(attribute.slug, values.simple(element)) for element in elements]


def _wanted(job: _Job, attribute: Attribute) -> list[str]:
    field: Value = job.write.fields.get(attribute.slug)
    many = isinstance(field, Sequence) and not isinstance(field, str)
    given: Any = field if many else [field]
    return [values.comparable(attribute.slug, one) for one in given if one is not None]


def _created(response: Response) -> bool | None:
    """Whether an assert created its record, as far as can be told: nothing in it says so.

    A record that is a minute old by the server's own clock was there before.
    """
    made = api.parsed_time(api.row(response).get("created_at"))
    try:
        now = parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError):
        return None
    return False if made is not None and now - made > _OLD else None


# ---------------------------------------------------------------- values that another one holds


def _to_owner(job: _Job, conflict: Failure) -> Flow[Written]:
    """Write to the record that holds our unique value instead.

    It was not read when the fields were decided on, so only what is empty there is filled and
    only lists are added to; what differs otherwise is left alone and named in `dropped`.
    """
    pairs = [
        (slug, one)
        for slug, attribute in job.attributes.items()
        if attribute.unique and slug in job.values
        for one in _wanted(job, attribute)
    ]
    if not pairs:
        raise conflict
    found = yield from api.all_rows(job.write.type, any_of(pairs))
    owners = [row for row in found if api.id_of(row) != job.write.record]
    if len(found) > 1 and job.write.action != "update":
        raise _review(job, "The values of one person belong to several records.", found)
    if not owners:
        raise conflict
    if len(owners) > 1:
        raise _review(job, "The values of one record belong to several others.", owners)
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
        if _stored(owner, attribute) != _shown(attribute, job.values[slug])
    ]
    job.drop(left)
    response: Response | None = None
    if filled:
        response = yield from _send(
            job,
            lambda given: api.append(job.write.type, api.id_of(owner), given),
            lambda attribute: attribute.slug in filled,
        )
    return job.written(owner, response, created=False)


def _fills(job: _Job, owner: api.Row, attribute: Attribute) -> bool:
    if attribute.multi:
        stored = _stored(owner, attribute)
        return any(one not in stored for one in _wanted(job, attribute))
    return bool(job.values[attribute.slug]) and not _stored(owner, attribute)


def _shown(attribute: Attribute, given: Sequence[Any]) -> list[str]:
    """Values in the form of a write, as they are compared with stored ones."""
    shown = [one.get("full_name") if isinstance(one, Mapping) else one for one in given]
    return [values.comparable(attribute.slug, one) for one in shown]


def _review(job: _Job, message: str, rows: Sequence[api.Row]) -> NeedsReview:
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
