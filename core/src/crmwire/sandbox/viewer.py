"""The page that shows a person what stands in a sandbox."""

from __future__ import annotations

from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1rem; margin: 2rem 0 .5rem; opacity: .7; }
article { border: 1px solid #8884; border-radius: .5rem; padding: .8rem 1rem; margin: .8rem 0; }
.who { font-weight: 600; } .type, time, .status { opacity: .65; font-size: .85rem; }
.entry { border-left: 3px solid #8886; margin: .6rem 0 0; padding: .1rem .8rem; }
.text { white-space: pre-wrap; font-size: .9rem; } dl { display: grid; gap: 0 1rem;
grid-template-columns: max-content 1fr; margin: .3rem 0; font-size: .85rem; }
dt { opacity: .65; } dd { margin: 0; overflow-wrap: anywhere; }
"""


def page(title: str, accounts: list[dict[str, Any]]) -> str:
    """An HTML page of all accounts: people, their fields and their timelines."""
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width'>",
        "<meta http-equiv='refresh' content='3'>",
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
    ]
    for account in accounts:
        people = account["people"]
        parts.append(f"<h2>{escape(account['name'])} · {len(people)} people</h2>")
        if not people and not account["unattached"]:
            parts.append("<p>Nothing stands here yet.</p>")
        parts += [_person(person) for person in people]
        parts += [_entry(entry) for entry in account["unattached"]]
    parts.append("</body></html>")
    return "".join(parts)


def _person(person: dict[str, Any]) -> str:
    fields = "".join(
        f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>"
        for name, value in person["fields"].items()
        if value not in (None, "", [])
    )
    return (
        f"<article><div class='who'>{escape(person['name'] or '(no name)')} "
        f"<span class='type'>{escape(person['type'])} {escape(person['id'])} · "
        f"{escape(person['email'] or 'no address')}</span></div><dl>{fields}</dl>"
        + "".join(_entry(entry) for entry in person["entries"])
        + "</article>"
    )


def _entry(entry: dict[str, Any]) -> str:
    times = " – ".join(part for part in (entry["start"], entry["end"]) if part)
    status = f" <span class='status'>{escape(entry['status'])}</span>" if entry["status"] else ""
    return (
        f"<div class='entry'><div>{escape(entry['title'])}{status} "
        f"<span class='type'>{escape(entry['type'])} {escape(entry['id'])}</span></div>"
        f"<time>{escape(times)}</time><div class='text'>{escape(entry['text'])}</div></div>"
    )
