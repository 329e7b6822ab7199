"""Which records were made, by the keys they were made under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmwire import stored
from crmwire.errors import Failure
from crmwire.pipeline.planned import Planned
from crmwire.pipeline.writes import Outbox
from crmwire.store import Created
from crmwire.types import Link, Write, Written


def found(planned: Sequence[Planned]) -> dict[tuple[str, str, str], str]:
    """Records, by (type, key, value), that unanswered attempts turned out to have made."""
    return {
        (one_.type, one_.key, one_.value): one_.record
        for one in planned
        for link in one.found
        for one_ in _keys_of_found(one, link)
    }


def created(
    planned: Sequence[Planned], box: Outbox, answers: Mapping[str, Written | Failure]
) -> list[Created]:
    """What this batch made, by the keys it was made under."""
    made: dict[tuple[str, str, str], Created] = {}
    for one in planned:
        for line in one.lines:
            write = box.of_line(line)
            answer = answers.get(write.id) if write is not None else None
            if write is None or not isinstance(answer, Written) or write.action == "update":
                continue
            for key in line.keys:
                if key.name != "id" and answer.type in key.types:
                    made[(answer.type, key.name, key.value)] = Created(
                        type=answer.type, key=key.name, value=key.value, record=answer.record
                    )
        for link in one.found:
            for key_ in _keys_of_found(one, link):
                made[(key_.type, key_.key, key_.value)] = key_
    return list(made.values())


def _keys_of_found(one: Planned, link: Link) -> list[Created]:
    """A person that a lost attempt made is remembered by the key that attempt wrote."""
    found = []
    for entry in (one.claimed.attempt or {}).get("writes", ()):
        write: Write = stored.write_from_json(entry["write"])
        if write.role != link.role or ":" not in write.key or "=" not in write.key:
            continue
        name, _, value = write.key.partition(":")[2].partition("=")
        found.append(Created(type=link.type, key=name, value=value, record=link.record))
    return found
