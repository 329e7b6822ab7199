"""Telephone numbers in E.164."""

from __future__ import annotations

import unicodedata

import phonenumbers
from jinja2.runtime import Context
from jinja2.utils import pass_context

from crmwire.filters.arguments import of_text

PHONE_REGION = "phone_region"
"""The name under which core offers a region; expressions cannot read it."""


@of_text
def phone(value: str, region: str | None = None) -> str | None:
    if region is not None and region.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"{region!r} is no region; write a country's two letters, such as JP")
    typed = unicodedata.normalize("NFKC", value).strip()
    try:
        number = phonenumbers.parse(typed, region and region.upper())
    except phonenumbers.NumberParseException:
        return None
    possible = {phonenumbers.ValidationResult.IS_POSSIBLE}
    if typed.startswith("+"):
        # As the person wrote it; without a country's code, a number that can only be dialled
        # within a town would become another one.
        possible.add(phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY)
    if phonenumbers.is_possible_number_with_reason(number) not in possible:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@pass_context
def phone_here(context: Context, value: object, region: str | None = None) -> str | None:
    """`phone` with the region that core offers, if none is given."""
    offered = context.resolve_or_missing(PHONE_REGION)
    return phone(value, region or (offered if isinstance(offered, str) and offered else None))
