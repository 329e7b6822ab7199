"""A write being done: its values in the form that the API takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
from attrs import define

from crmwire.errors import Rejected
from crmwire.filters import FILTERS
from crmwire.http import Response
from crmwire.types import Write, Written
from crmwire_attio import api, values
from crmwire_attio.errors import NO_OBJECT
from crmwire_attio.schema import Attribute, Schema


@define(kw_only=True)
class Job:
    """One write being done: its attributes, its values in the API's form, what was left out."""

    write: Write
    schema: Schema
    attributes: dict[str, Attribute]
    values: dict[str, list[Any]]
    dropped: list[str] = attrs.field(factory=list)

    def only(self, wanted: Callable[[Attribute], bool]) -> dict[str, list[Any]]:
        """The values of the attributes that are wanted."""
        return {slug: given for slug, given in self.values.items() if wanted(self.attributes[slug])}

    def replaces(self, attribute: Attribute) -> bool:
        """Whether the write makes this attribute exactly what it sends."""
        joins = attribute.unique or attribute.type == "phone-number"
        return attribute.multi and not joins and attribute.slug not in self.write.add

    def drop(self, slugs: Sequence[str]) -> None:
        """Leave these out, and keep that they were."""
        for slug in slugs:
            self.values.pop(slug, None)
            self.dropped.append(slug)

    def written(self, row: api.Row, response: Response | None, created: bool | None) -> Written:
        """What is told of the write, from the row that the API answered with."""
        return Written(
            id=self.write.id,
            type=self.write.type,
            record=api.id_of(row),
            created=created,
            url=row.get("web_url"),
            dropped=tuple(self.dropped),
            request_id=response.request_id if response else "",
        )


def new_job(schema: Schema, write: Write) -> Job:
    """The job of a write. Raises: Rejected for a value that fits no attribute and must be sent."""
    job = Job(write=write, schema=schema, attributes={}, values={})
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
