"""What HubSpot is to crmwire."""

from __future__ import annotations

from crmwire.types import AuthScheme, CrmInfo
from crmwire_hubspot.kinds import OBJECT_TYPES
from crmwire_hubspot.limits import CALLS, SEARCH
from crmwire_hubspot.paths import DATED
from crmwire_hubspot.settings import HubSpotMapping

BASE_URL = "https://api.hubapi.com"
"""The same for every region."""

INFO = CrmInfo(
    key="hubspot",
    title="HubSpot",
    base_url=BASE_URL,
    api_version=DATED,
    host_suffixes=("hubapi.com", "hubspot.com"),
    object_types=OBJECT_TYPES,
    limits=(CALLS, SEARCH),
    request_id_header="x-hubspot-correlation-id",
    batch=100,
    mapping_class=HubSpotMapping,
)

AUTH = AuthScheme(
    kind="static_token",
    base_url=BASE_URL,
    token_hint="a service key, or the token of a private app (pat-…)",  # noqa: S106
)
