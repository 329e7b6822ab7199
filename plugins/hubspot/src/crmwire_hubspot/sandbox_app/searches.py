"""Search: an index of the records that may lag behind the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from crmwire_hubspot.sandbox_app.kinds import Kind, kind_of
from crmwire_hubspot.sandbox_app.portal import Portal, Stored
from crmwire_hubspot.sandbox_app.records import shown
from crmwire_hubspot.sandbox_app.refusals import Refusal, malformed
from crmwire_hubspot.values import read_instant

if TYPE_CHECKING:
    from crmwire_hubspot.sandbox_app.calls import Call

MOST_GROUPS, MOST_FILTERS, MOST_IN_ALL = 5, 6, 18
PER_ANSWER, MOST_PER_ANSWER, FURTHEST = 10, 200, 10_000

State = Mapping[str, str]
Test = Callable[[str | None, Mapping[str, Any]], bool]


def search(call: Call) -> Response:
    """POST .../search. Archived records are left out although the index may count them."""
    kind, portal, body = kind_of(call.params["type"]), call.portal, call.body
    limit = _whole(body.get("limit"), PER_ANSWER)
    after = _whole(body.get("after"), 0)
    if not 0 < limit <= MOST_PER_ANSWER or after + limit > FURTHEST:
        # Guess: the wording.
        raise Refusal(400, f"limit is {MOST_PER_ANSWER} at most, and {FURTHEST} results in all")
    groups = _groups(body)
    _check(portal, kind, groups)
    query = str(body.get("query") or "").lower()
    if len(query) > 3000:
        raise Refusal(400, "query is too long")
    hits = [
        (record, state)
        for record in portal.records[kind.name].values()
        if (state := record.indexed(portal.search_lag)) is not None
        and _hit(portal, kind, record, state, groups, query)
    ]
    _sort(hits, body.get("sorts"))
    names = body.get("properties") or None
    shown_now = [
        shown(portal, record, names)
        for record, _ in hits[after : after + limit]
        if not record.archived
    ]
    data: dict[str, Any] = {"total": len(hits), "results": shown_now}
    if after + limit < len(hits):
        link = f"{call.url}?after={after + limit}"
        data["paging"] = {"next": {"after": str(after + limit), "link": link}}
    return JSONResponse(data)


def _groups(body: Mapping[str, Any]) -> list[list[Mapping[str, Any]]]:
    """The filters: groups are ORed, filters in a group ANDed. `filters` alone is one group."""
    given = body.get("filterGroups") or []
    if body.get("filters"):
        given = [{"filters": body["filters"]}]
    try:
        groups = [list(group["filters"]) for group in given]
    except (KeyError, TypeError):
        raise malformed("`filterGroups` is a list of objects with `filters`") from None
    sizes = [len(group) for group in groups]
    if len(sizes) > MOST_GROUPS or sum(sizes) > MOST_IN_ALL or max(sizes, default=0) > MOST_FILTERS:
        # Guess: the wording.
        raise Refusal(400, "Too many filters: 5 groups, 6 in each, 18 in all")
    return groups


def _check(portal: Portal, kind: Kind, groups: Sequence[Sequence[Mapping[str, Any]]]) -> None:
    """Every filter names what can be searched. Raises: Refusal."""
    for one in (one for group in groups for one in group):
        name, operator = str(one.get("propertyName")), str(one.get("operator"))
        if operator not in _TESTS:
            raise malformed(f"no operator {operator}")
        if name.startswith("associations."):
            kind_of(name.removeprefix("associations."))
        elif name not in portal.properties[kind.name]:
            # Guess: the wording.
            raise Refusal(400, f"There was a problem with the request: no property {name}")


def _hit(
    portal: Portal,
    kind: Kind,
    record: Stored,
    state: State,
    groups: Sequence[Sequence[Mapping[str, Any]]],
    query: str,
) -> bool:
    if query and not any(query in value.lower() for value in state.values()):
        return False
    if not groups:
        return True
    return any(all(_fits(portal, kind, record, state, one) for one in group) for group in groups)


def _fits(portal: Portal, kind: Kind, record: Stored, state: State, one: Mapping[str, Any]) -> bool:
    name, operator = str(one["propertyName"]), str(one["operator"])
    test = _TESTS[operator]
    if name.startswith("associations."):
        to = kind_of(name.removeprefix("associations."))
        ids = portal.linked(kind, record.id, to)
        return any(test(id_, one) for id_ in ids) if ids else operator.startswith("NOT")
    return test(state.get(name), one)


def _plain(value: object) -> str:
    """A value as the index compares it: lower case, instants as milliseconds."""
    text = str(value).strip().lower()
    if len(text) >= 10 and text[4:5] == "-":
        moment = read_instant(text.upper())
        if moment is not None:
            return str(int(moment.timestamp() * 1000))
    return text


def _number(value: object) -> float | None:
    try:
        return float(_plain(value))
    except ValueError:
        return None


def _compared(
    test: Callable[[float, float], bool],
) -> Test:
    def compare(value: str | None, one: Mapping[str, Any]) -> bool:
        left, right = _number(value), _number(one.get("value"))
        return left is not None and right is not None and test(left, right)

    return compare


def _eq(value: str | None, one: Mapping[str, Any]) -> bool:
    return value is not None and _plain(value) == _plain(one.get("value"))


def _in(value: str | None, one: Mapping[str, Any]) -> bool:
    # Values of IN on texts must be in lower case: others find nothing. Guess: of a property with
    # several values each counts.
    wanted = [str(item) for item in one.get("values") or ()]
    return value is not None and any(_plain(part) in wanted for part in [value, *value.split(";")])


def _between(value: str | None, one: Mapping[str, Any]) -> bool:
    number, low, high = _number(value), _number(one.get("value")), _number(one.get("highValue"))
    return number is not None and low is not None and high is not None and low <= number <= high


def _token(value: str | None, one: Mapping[str, Any]) -> bool:
    return value is not None and _plain(one.get("value")).strip("*") in _plain(value)


_TESTS: dict[str, Test] = {
    "EQ": _eq,
    "NEQ": lambda value, one: not _eq(value, one),
    "LT": _compared(lambda left, right: left < right),
    "LTE": _compared(lambda left, right: left <= right),
    "GT": _compared(lambda left, right: left > right),
    "GTE": _compared(lambda left, right: left >= right),
    "BETWEEN": _between,
    "IN": _in,
    "NOT_IN": lambda value, one: not _in(value, one),
    "HAS_PROPERTY": lambda value, _: bool(value),
    "NOT_HAS_PROPERTY": lambda value, _: not value,
    "CONTAINS_TOKEN": _token,
    "NOT_CONTAINS_TOKEN": lambda value, one: not _token(value, one),
}


def _sort(hits: list[tuple[Stored, State]], sorts: object) -> None:
    """By one property, or by creation."""
    first = sorts[0] if isinstance(sorts, list) and sorts else {}
    if isinstance(first, str):
        first = {"propertyName": first}
    name = first.get("propertyName")
    if name:
        down = first.get("direction") == "DESCENDING"
        hits.sort(key=lambda hit: hit[1].get(name, ""), reverse=down)
    else:
        hits.sort(key=lambda hit: hit[0].created)


def _whole(value: object, default: int) -> int:
    if value in (None, ""):
        return default
    try:
        return int(str(value))
    except ValueError:
        raise malformed("a whole number is expected") from None
