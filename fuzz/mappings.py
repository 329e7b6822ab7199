"""Mappings that nobody would write: refused with every problem named, or run to drafts."""

from __future__ import annotations

import copy
import random
import time
import traceback
from pathlib import Path
from typing import Any

from crmwire.discovery import Discovery
from crmwire.errors import CrmwireError
from crmwire.hooks import manager
from crmwire.hookspecs import CrmSpecs
from crmwire.mapping import load_mapping, load_preset
from crmwire.testing.samples import BOOKED_AT, details
from crmwire.types import Event, Subject
from fuzz import mutating
from fuzz.tally import Tally

SLOW = 2.0
"""Seconds of a processor that one mapping may take."""
ODD: tuple[Any, ...] = (
    "{{ guest.email", "{{ guest.__class__ }}", "{{ 7 * 7 }}", "{{ guest }}", "{{ guests }}",
    "{{ 'a' * 9999 }}", "{% if x %}", "{{ " + "(" * 500 + "1" + ")" * 500 + " }}", "{{ " * 900,
    {"value": "{{ guest.email }}", "write": "never"}, {"record": "nobody"}, {"user": 7},
    {"value": ["{{ guest.email }}"], "cut": "yes"}, ["{{ guest.email }}"] * 2000,
    "{{ booking.start | date('../../etc') }}", "{{ guest.email | replace('', 'x') }}", 10**30,
)  # fmt: skip


def _presets() -> list[tuple[str, dict[str, Any], type | None]]:
    """Every installed CRM plugin's presets, as data."""
    made = []
    for plugin in Discovery().installed:
        if plugin.kind != "crm":
            continue
        hook = manager(CrmSpecs, [(plugin.name, plugin.load())]).hook
        info = hook.crm_info()
        for answer in hook.presets(conn=None):
            for name, text in (answer or {}).items():
                made.append((name, load_preset(text, name), info.mapping_class))
    return made


def _changed(chance: random.Random, preset: dict[str, Any]) -> Any:
    if chance.random() < 0.5:
        return mutating.changed(chance, copy.deepcopy(preset))
    made = copy.deepcopy(preset)
    for _ in range(chance.choice((1, 2, 4))):
        at: Any = made
        while isinstance(at, dict) and at:
            key = chance.choice(list(at))
            if chance.random() < 0.2 or not isinstance(at[key], dict):
                at[chance.choice((key, key, "x", ""))] = copy.deepcopy(chance.choice(ODD))
                break
            at = at[key]
    return made


def mutated(seed: int, count: int) -> Tally:
    """Presets with parts dropped, replaced and nested: loaded, and run for an event."""
    tally = Tally(area="mappings", seed=seed)
    presets = _presets()
    slowest = 0.0
    for number, chance in zip(range(count), mutating.endless(seed), strict=False):
        name, preset, kind = chance.choice(presets)
        raw = _changed(chance, preset)
        before = time.thread_time()
        try:
            outcome = _tried(chance, raw, name, kind)
        except Exception as error:  # noqa: BLE001  (that is what is looked for)
            outcome = "broken"
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}:{last.lineno}"
            tally.trouble(f"{type(error).__name__} in {where}", f"{seed}/{number} {error} {raw!r}")
        tally.outcomes[outcome] += 1
        took = time.thread_time() - before
        slowest = max(slowest, took)
        if took > SLOW:
            tally.trouble("slow", f"{seed}/{number}: {took:.1f} s")
    tally.measures["slowest, seconds of a processor"] = round(slowest, 3)
    return tally


def _tried(chance: random.Random, raw: Any, name: str, kind: Any) -> str:
    verb = chance.choice(("created", "rescheduled", "cancelled"))
    told = details(verb)
    event = Event(
        type=f"booking.{verb}", subject_id="b", occurred_at=BOOKED_AT, version=1, details=told
    )
    subject = Subject(id=1, feed="feed", status="active", version=1, details=told)
    try:
        mapping = load_mapping(raw, where=name, mapping_class=kind, source="Example Bookings")
    except CrmwireError:
        return "refused"
    try:
        mapping.drafts(event, subject)
    except CrmwireError:
        return "failed"
    return "drafted"
