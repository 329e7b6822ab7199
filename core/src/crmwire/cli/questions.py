"""The questions that guests answer on a feed's pages, with the rows that would carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmwire.cli.output import iso, print_json, print_table, say

if TYPE_CHECKING:
    from crmwire.store import FeedRow, Question, Store


def tell_questions(store: Store, feed: FeedRow, page: str | None, as_json: bool) -> None:
    """Print what was asked on a page, or on every page of a feed."""
    found = store.questions(feed.id, page)
    if as_json:
        print_json(
            [
                {
                    "page": one.page,
                    "key": one.key,
                    "label": one.label,
                    "type": one.type,
                    "seen": one.seen,
                    "last_at": iso(one.last_at),
                    "expression": expression(one),
                }
                for one in found
            ]
        )
        return
    if not found:
        where = f"page {page} of {feed.name}" if page else feed.name
        say(f"No answer came in on {where} yet: a question is listed once it was answered.")
        others = sorted({one.page for one in store.questions(feed.id)}) if page else []
        if others:
            say(f"There are answers on {', '.join(name or '(no page)' for name in others)}.")
        return
    print_table(
        ("page", "question", "key", "type", "answered", "in a mapping"),
        [
            (
                one.page,
                one.label or one.key,
                one.key,
                one.type or "",
                str(one.seen),
                expression(one),
            )
            for one in found
        ],
    )


def expression(one: Question) -> str:
    """How a mapping's row names the answer to a question."""
    quote = '"' if "'" in one.key else "'"
    key = one.key.replace("\\", "\\\\")
    if quote == '"':
        key = key.replace('"', '\\"')
    return f"{{{{ answers[{quote}{key}{quote}] }}}}"
