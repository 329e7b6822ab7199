"""What Attio is to crmwire: object types, keys, limits."""

from __future__ import annotations

from crmwire.types import CrmInfo, Limit, ObjectType
from crmwire_attio.settings import AttioMapping

BASE_URL = "https://api.attio.com"

# docs.attio.com/rest-api/guides/rate-limiting: 100 reads and 25 writes a second for the whole
# workspace; the endpoint page of GET /v2/notes adds 10 a second for that list (read 2026-11).
LIMITS = (
    Limit(name="write", calls=25, seconds=1.0),
    Limit(name="read", calls=100, seconds=1.0),
    Limit(name="notes", calls=10, seconds=1.0),
)

# Objects that are not named here (deals, custom objects) are written and found by their slug too.
OBJECT_TYPES = {
    "people": ObjectType(
        name="people",
        title="Person",
        unique=("email_addresses",),
        upsert=("email_addresses",),
        list_fields=("email_addresses", "phone_numbers"),
    ),
    "companies": ObjectType(
        name="companies",
        title="Company",
        unique=("domains",),
        upsert=("domains",),
        list_fields=("domains", "team", "categories"),
    ),
    "notes": ObjectType(name="notes", title="Note"),
    "tasks": ObjectType(name="tasks", title="Task", list_fields=("assignees",)),
}

INFO = CrmInfo(
    key="attio",
    title="Attio",
    base_url=BASE_URL,
    api_version="v2",
    host_suffixes=("attio.com",),
    object_types=OBJECT_TYPES,
    limits=LIMITS,
    mapping_class=AttioMapping,
    request_id_header="x-attio-execution-id",
    batch=100,
)
