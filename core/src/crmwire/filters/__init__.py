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

from collections.abc import Callable, Mapping
from typing import TypeAlias

from crmwire import names
from crmwire.filters.arguments import of_text
from crmwire.filters.domains import company_domain
from crmwire.filters.letters import truncate
from crmwire.filters.markup import html, text
from crmwire.filters.phones import phone, phone_here
from crmwire.filters.texts import kana_full, kana_katakana, lower, replace, trim, upper
from crmwire.filters.times import day, iso, local
from crmwire.filters.values import default, first, join, last, written

__all__ = ["FILTERS", "Filter", "phone", "text", "truncate", "written"]

Filter: TypeAlias = Callable[..., object]
"""A pure function of a value, and of further arguments if it likes."""

FILTERS: Mapping[str, Filter] = {
    "company_domain": company_domain,
    "date": day,
    "default": default,
    "family_name": of_text(names.family_name),
    "first": first,
    "given_name": of_text(names.given_name),
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
