"""Feeds of a document, held against those of the store."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from crmwire.documents.changes import Change
from crmwire.documents.values import difference
from crmwire.documents.work import Work
from crmwire.opening import TOKEN
from crmwire.setting_up.feeds import SIGNING, checked_settings, needs_secret

if TYPE_CHECKING:
    from crmwire.documents.form import FeedEntry
    from crmwire.store import FeedRow


def compare_feeds(work: Work) -> None:
    """Note how the feeds of the document differ from those of the store."""
    entries = work.document.feeds
    rows: dict[str, FeedRow] = work.of_team("feed", entries, work.app.store.feeds())
    work.sources = {name: row.source for name, row in rows.items() if not work.prune}
    work.sources |= {name: entry.source for name, entry in entries.items()}
    for name, entry in entries.items():
        _feed(work, name, entry, rows.get(name))
    for name in rows.keys() - entries.keys():
        work.leave_or_remove("feed", name, partial(work.app.remove_feed, name))


def _feed(work: Work, name: str, entry: FeedEntry, row: FeedRow | None) -> None:
    app, path = work.app, f"feeds[{name!r}]"
    hooks = work.try_(f"{path}.source", lambda: app.openings.source_hooks(entry.source))
    if row is not None and row.source != entry.source:
        work.problem(f"{path}.source", f"it is {row.source!r}; remove the feed to change it")
    before = app.vault.get(row.owner, SIGNING) if row else None
    secret = work.secret(f"{path}.secret", entry.secret, f"feed/{name}", before)
    had = app.vault.get(row.owner, TOKEN) if row else None
    token = work.secret(f"{path}.token", entry.token, f"feed/{name}", had)
    signed = entry.allow_unsigned or secret is not None or entry.secret is not None
    if work.plain(f"{path}.settings", entry.settings) and hooks is not None:
        hooks = work.try_(
            f"{path}.settings",
            lambda: checked_settings(app.openings, name, entry.source, entry.settings, token),
        )
        if not signed and hooks is not None and needs_secret(hooks):
            work.problem(path, "a feed needs `secret`, or `allow_unsigned = true`")
    if row is None:

        def add() -> None:
            app.add_feed(
                name,
                source=entry.source,
                team=work.document.team,
                signing_secret=secret,
                allow_unsigned=entry.allow_unsigned,
                settings=entry.settings,
                api_token=token,
            )

        polled = hooks is not None and hooks.is_polled()
        how = "asked by the daemon" if polled else "signed" if secret else "unsigned"
        told = f"source {entry.source}, {how}"
        work.changes.append(
            Change(action="add", kind="feed", name=name, details=(told,), carry_out=add)
        )
        return
    details = [
        *difference("settings", row.settings, entry.settings),
        *difference("allow_unsigned", row.allow_unsigned, entry.allow_unsigned),
    ]
    if secret != before:
        details.append(f"secret: {'replaced' if before else 'set'}")
    if token != had:
        details.append(f"token: {'replaced' if had else 'set'}")

    def change() -> None:
        app.change_feed(name, settings=entry.settings, allow_unsigned=entry.allow_unsigned)
        if secret is not None and secret != before:
            app.set_signing_secret(name, secret)
        if token is not None and token != had:
            app.set_feed_token(name, token)

    work.change("feed", name, details, change)
