"""Which requests of a batch the history of a delivery tells."""

from __future__ import annotations

from crmwire.http import Exchange
from crmwire.pipeline.telling import MOST, Told


def exchange(request_id: str, path: str = "/", status: int | None = 200) -> Exchange:
    return Exchange(method="POST", path=path, status=status, request_id=request_id, seconds=0.1)


def paths(told: Told, delivery: int) -> list[str]:
    return [one["path"] for one in told.of(delivery)]


def test_what_only_others_were_answered_by_is_left_out() -> None:
    sent = [exchange("look-up", "/q"), exchange("a", "/1"), exchange("b", "/2"), exchange("c", "/")]
    told = Told(sent, {"a": {1}, "b": {2}, "c": {1, 2}})
    assert paths(told, 1) == ["/q", "/1", "/"]
    assert paths(told, 2) == ["/q", "/2", "/"]
    assert paths(told, 3) == ["/q"]


def test_what_was_not_answered_is_told_to_each_and_not_without_end() -> None:
    told = Told([exchange("", f"/{n}", None) for n in range(MOST + 5)], {"": {2}})
    assert paths(told, 1) == [f"/{n}" for n in range(MOST)]
    assert paths(told, 2) == paths(told, 1)
