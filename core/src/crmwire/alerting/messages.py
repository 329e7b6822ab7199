"""What people are told, as text and as data: made of fixed sentences, given names and counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from attrs import frozen

from crmwire.alerting.kinds import Kind
from crmwire.alerting.watching import Seen
from crmwire.store.alerts import NewNotice, TargetRow, TroubleRow
from crmwire.store.sights import MOST_COUNTED

MOST_LISTED = 10
"""Entries of one message; chats cut off what is longer."""
Event = Literal["trouble", "well", "digest"]
_TYPES: dict[str, str] = {
    "trouble": "alert.opened",
    "well": "alert.closed",
    "digest": "alert.digest",
    "test": "alert.test",
}


@frozen(kw_only=True)
class Current:
    """Something that is wrong now, and since when (seconds since 1970)."""

    seen: Seen
    opened_at: float


def opened(target: TargetRow, kind: Kind, found: Sequence[Current], now: float) -> NewNotice:
    """What began."""
    title = f"crmwire: {_whose([one.seen for one in found])}: {kind.title}"
    body = _body([], [_entry(one) for one in found])
    return _notice(
        target, "trouble", kind.key, title, body, found, now, [one.seen.about for one in found]
    )


def digest(target: TargetRow, found: Sequence[Current], now: float) -> NewNotice:
    """All that is still wrong."""
    number = len(found)
    title = f"crmwire: {number} things are wrong" if number > 1 else "crmwire: 1 thing is wrong"
    first = "This goes out once a day" if target.digest == "daily" else "This goes out once a week"
    body = _body([f"{first} while something is wrong."], [_entry(one) for one in found])
    return _notice(target, "digest", "", title, body, found, now, [one.seen.about for one in found])


def over(
    target: TargetRow,
    kind: Kind,
    ended: Sequence[TroubleRow],
    waiting: dict[int, int],
    now: float,
) -> NewNotice:
    """What works again. `waiting`: deliveries that go on now, by trouble."""
    names = list(dict.fromkeys(row.name for row in ended))
    who = names[0] if len(names) == 1 else f"{len(names)} of them"
    things = {row.about.partition("/")[0] for row in ended}
    if len(names) > 1 and len(things) == 1:
        who = f"{len(names)} {things.pop()}s"
    title = f"crmwire: {who}: {kind.over}"
    entries = []
    for row in ended:
        lines = [f"{row.name}: {kind.over}.", f"  It was wrong since {moment(row.opened_at)}."]
        left = waiting.get(row.id)
        if left:
            who_goes = "it goes" if left == 1 else "they go"
            lines.append(f"  {counted(left, held=False)}; {who_goes} on now, in order.")
        entries.append("\n".join(lines))
    data = [
        {
            "kind": row.kind,
            "thing": row.about.partition("/")[0],
            "name": row.name,
            "team": row.team,
            "over": kind.over,
            "since": iso(row.opened_at),
            "waiting": waiting.get(row.id),
        }
        for row in ended
    ]
    return NewNotice(
        target=target.id,
        event="well",
        kind=kind.key,
        uid=_uid(),
        title=title,
        body=_body([], entries),
        data=_payload("well", title, data, now),
        ended=tuple(row.id for row in ended),
    )


def trial(target: TargetRow, now: float) -> NewNotice:
    """A message that only shows that messages arrive."""
    title = f"crmwire: a test of the alert {target.name}"
    return NewNotice(
        target=target.id,
        event="test",
        kind="",
        uid=_uid(),
        title=title,
        body="Alerts of crmwire arrive here. Nothing is wrong.",
        data=_payload("test", title, [], now),
    )


def lines_of(one: Current) -> list[str]:
    """A trouble for `crmwire status`: what, since when, what to do."""
    return _entry(one).splitlines()


# ---------------------------------------------------------------- inside


def _notice(
    target: TargetRow,
    event: Event,
    kind: str,
    title: str,
    body: str,
    found: Sequence[Current],
    now: float,
    begun: Sequence[str],
) -> NewNotice:
    return NewNotice(
        target=target.id,
        event=event,
        kind=kind,
        uid=_uid(),
        title=title,
        body=body,
        data=_payload(event, title, [as_data(one) for one in found], now),
        begun=tuple(begun),
    )


def _uid() -> str:
    return f"msg_{uuid4().hex}"


def _payload(event: str, title: str, troubles: list[dict[str, Any]], now: float) -> dict[str, Any]:
    """As Standard Webhooks recommends: a type, a time and the data."""
    return {
        "type": _TYPES[event],
        "timestamp": iso(now),
        "data": {"title": title, "troubles": troubles},
    }


def as_data(one: Current) -> dict[str, Any]:
    """A trouble for programs."""
    seen = one.seen
    return {
        "kind": seen.kind.key,
        "thing": seen.thing,
        "name": seen.name,
        "team": seen.team,
        "title": seen.kind.title,
        "what": seen.what,
        "since": iso(one.opened_at),
        "waiting": None if seen.held else seen.waiting,
        "held": seen.waiting if seen.held else None,
        "remedy": seen.remedy,
        "command": seen.command,
    }


def _whose(found: Sequence[Seen]) -> str:
    names = list(dict.fromkeys(one.name for one in found))
    if len(names) == 1:
        return names[0]
    things = {one.thing for one in found}
    return f"{len(names)} {things.pop()}s" if len(things) == 1 else f"{len(names)} of them"


def _entry(one: Current) -> str:
    seen = one.seen
    team = f" (team {seen.team})" if seen.team not in ("", "default") else ""
    lines = [
        f"{seen.thing} {seen.name}{team}: {seen.kind.title}",
        f"  {_sentence(seen.what)}",
        f"  Since {moment(one.opened_at)}. {_waits(seen)}".rstrip(),
        f"  What to do: {seen.remedy}",
        f"  Command: {seen.command}",
    ]
    return "\n".join(lines)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _waits(seen: Seen) -> str:
    if seen.waiting is None:
        return ""
    return f"{counted(seen.waiting, held=seen.held)}."


def counted(number: int, *, held: bool) -> str:
    """`3 deliveries wait`, `1 delivery is held`."""
    if not number:
        return "Nothing waits" if not held else "Nothing is held"
    if number > MOST_COUNTED and not held:
        return f"More than {MOST_COUNTED:,} deliveries wait"
    if number == 1:
        return "1 delivery is held" if held else "1 delivery waits"
    return f"{number:,} deliveries {'are held' if held else 'wait'}"


def _body(first: Sequence[str], entries: Sequence[str]) -> str:
    shown = list(entries[:MOST_LISTED])
    if len(entries) > MOST_LISTED:
        shown.append(f"And {len(entries) - MOST_LISTED} more: `crmwire status` lists all.")
    return "\n\n".join([*first, *shown])


def moment(seconds: float) -> str:
    """A time for people, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def iso(seconds: float) -> str:
    """A time for programs."""
    whole = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    return whole.replace("+00:00", "Z")
