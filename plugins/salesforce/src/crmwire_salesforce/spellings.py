"""One value as people write it: a phone number, a web site's address.

Salesforce keeps both as they were typed (its own screens turn ten digits of a North American
number into `(555) 010-1234`), and compares whole texts. So the usual forms are asked for at once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import phonenumbers
from phonenumbers import PhoneNumberFormat

_PHONES = re.compile(r"(?:Person)?(?:Mobile|Home|Other|Assistant|Asst)?Phone|Fax", re.IGNORECASE)
_FORMATS = (
    PhoneNumberFormat.E164,
    PhoneNumberFormat.INTERNATIONAL,
    PhoneNumberFormat.NATIONAL,
    PhoneNumberFormat.RFC3966,
)
_SEPARATED = re.compile(r"[\s().-]+")
_SITE = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?([^/?#:@\s]*)")
"""A web site as people write it; its host is the group. Anything at all may stand in the field."""
SCHEMES = ("", "https://", "http://")


def is_phone_field(name: str) -> bool:
    """Whether a standard field of that name holds a phone number."""
    return _PHONES.fullmatch(name.rpartition(".")[2]) is not None


def phone_spellings(typed: str, region: str | None) -> list[str]:
    """The forms in which this number may stand in a field, itself first.

    `region` is the country (two letters) whose numbers are written without a code. A number of
    another country is not asked for in its national form: there it is a number of `region`.
    """
    found = dict.fromkeys([typed.strip()])
    number = _parsed(typed, region)
    if number is None:
        return list(found)
    at_home = region is None or number.country_code == phonenumbers.country_code_for_region(
        region.upper()
    )
    for text in _written(number, at_home=at_home):
        found[text] = None
    return list(found)


def _parsed(typed: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(unicodedata.normalize("NFKC", typed), region and region.upper())
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


def _written(number: phonenumbers.PhoneNumber, *, at_home: bool) -> Iterator[str]:
    e164, international, national, rfc3966 = (
        phonenumbers.format_number(number, form) for form in _FORMATS
    )
    yield from (e164, international, e164.removeprefix("+"), rfc3966.removeprefix("tel:"))
    yield international.replace("-", " ")
    code = f"+{number.country_code}"
    if national.startswith("0"):
        yield international.replace(f"{code} ", f"{code} (0)", 1)
    if not at_home:
        return
    dashed, dotted, spaced = (_SEPARATED.sub(sign, national).strip(sign) for sign in "-. ")
    yield from (national, _SEPARATED.sub("", national), dashed, dotted, spaced)
    if number.country_code == 1:
        # North America writes its own code without a plus.
        yield from (f"{code} {national}", f"1 {national}", f"1-{dashed}", f"1.{dotted}")


def domain_of(text: str) -> str:
    """The host of a web site's address, without `www.`; the text may also be the host itself."""
    found = _SITE.match(text.strip().lower())
    return found[1].removeprefix("www.").removesuffix(".") if found else ""


def site_starts(domain: str) -> list[str]:
    """How the address of a web site of this domain begins, scheme and `www.` or not."""
    return [f"{scheme}{www}{domain}" for scheme in SCHEMES for www in ("", "www.")]


def is_plain_host(domain: str) -> bool:
    """Whether this is a host's name and nothing odd, so that a pattern may be made of it."""
    return re.fullmatch(r"[\w-]+(\.[\w-]+)+", domain) is not None
