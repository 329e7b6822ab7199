"""Filters and sorts of a query.

docs.attio.com/rest-api/guides/filtering-and-sorting (read 2026-11).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import ge, gt, le, lt
from typing import Any

from crmwire_attio.sandbox_app.answers import Refusal, bad_filter
from crmwire_attio.sandbox_app.values import identity, parsed
from crmwire_attio.sandbox_app.workspace import Attribute, Element, Object, Record, Workspace

_MAIN = {
    "currency": "currency_value",
    "select": "option",
    "status": "status",
    "personal-name": "full_name",
    "email-address": "email_address",
    "domain": "domain",
    "phone-number": "phone_number",
    "location": "locality",
    "actor-reference": "referenced_actor_id",
    "record-reference": "target_record_id",
    "interaction": "interacted_at",
}
"""The member that a bare value is compared with."""

_TEXT = frozenset(["$eq", "$contains", "$starts_with", "$ends_with"])
_ORDER = frozenset(["$eq", "$lt", "$lte", "$gt", "$gte"])
_ALLOWED: Mapping[str, frozenset[str]] = {
    "text": _TEXT | {"$in"},
    "number": _ORDER,
    "rating": _ORDER,
    "checkbox": frozenset(["$eq"]),
    "currency": _ORDER,
    "date": _ORDER,
    "timestamp": _ORDER,
    "select": frozenset(["$eq"]),
    "status": frozenset(["$eq"]),
    "personal-name": _TEXT | {"$not_empty"},
    "email-address": _TEXT,
    "domain": _TEXT | {"$not_empty"},
    "phone-number": _TEXT | {"$not_empty"},
    "location": _TEXT,
    "actor-reference": frozenset(["$eq"]),
    "interaction": _ORDER | {"$not_empty"},
    "record-reference": frozenset(["$eq", "$in"]),
}
_ORDERS = {"$lt": lt, "$lte": le, "$gt": gt, "$gte": ge}
Fits = Callable[[Record], bool]
_TIMES = ("timestamp", "interaction")


def matching(workspace: Workspace, object_: Object, filter_: Any) -> list[Record]:
    """The records that fit a filter, in the order of their creation (guess: the default order).

    Raises: Refusal for a filter that cannot be understood, whether there are records or not.
    """
    fits = _compiled(workspace, object_, filter_)
    narrow = _narrowed(workspace, object_, filter_)
    records: Iterable[Record] = object_.records.values()
    if narrow is not None:
        records = (record for record in records if record.id in narrow)
    return [record for record in records if fits(record)]


def _compiled(workspace: Workspace, object_: Object, filter_: Any) -> Fits:
    if not isinstance(filter_, dict):
        raise bad_filter()
    if "path" in filter_:
        return _along_path(workspace, object_, filter_)
    tests: list[Fits] = []
    for key, condition in filter_.items():
        match key:
            case "$and" | "$or":
                if not isinstance(condition, list):
                    raise bad_filter()
                several = [_compiled(workspace, object_, one) for one in condition]
                tests.append(_all_of(several) if key == "$and" else _any_of(several))
            case "$not":
                tests.append(_not(_compiled(workspace, object_, condition)))
            case _:
                attribute = _attribute(object_, key)
                tests.append(_of(attribute, _held(workspace, attribute, condition)))
    return _all_of(tests)


def _all_of(tests: Sequence[Fits]) -> Fits:
    return lambda record: all(test(record) for test in tests)


def _any_of(tests: Sequence[Fits]) -> Fits:
    return lambda record: any(test(record) for test in tests)


def _not(test: Fits) -> Fits:
    return lambda record: not test(record)


def _of(attribute: Attribute, held: Callable[[Sequence[Element]], bool]) -> Fits:
    return lambda record: held(record.values[attribute.slug])


def _attribute(object_: Object, name: str) -> Attribute:
    try:
        return object_.attribute(name)
    except Refusal:
        raise bad_filter() from None


def _along_path(workspace: Workspace, object_: Object, filter_: Mapping[str, Any]) -> Fits:
    """Follow references from attribute to attribute; the constraints hold for the last one."""
    path, constraints = filter_["path"], filter_.get("constraints")
    if not isinstance(path, list) or not path or not isinstance(constraints, dict):
        raise bad_filter()
    steps: list[Attribute] = []
    for step in path:
        try:
            there = workspace.object(str(step[0]))
            steps.append(_attribute(there, str(step[1])))
        except (Refusal, IndexError, TypeError):
            raise bad_filter() from None
        if len(steps) == 1 and there is not object_:
            raise bad_filter()
    *references, last = steps
    if any(attribute.type != "record-reference" for attribute in references):
        raise bad_filter()
    held = _held(workspace, last, constraints)

    def fits(record: Record) -> bool:
        reached = [record]
        for attribute in references:
            reached = [
                workspace.objects[element["target_object"]].records[element["target_record_id"]]
                for one in reached
                for element in one.values[attribute.slug]
            ]
        return any(held(one.values[last.slug]) for one in reached)

    return fits


# ---------------------------------------------------------------- one attribute


def _held(
    workspace: Workspace, attribute: Attribute, condition: Any
) -> Callable[[Sequence[Element]], bool]:
    """A test of an attribute's elements: one of them must pass all of the condition."""
    if isinstance(condition, dict) and "$not_empty" in condition:
        _allowed(attribute, "$not_empty")
        return lambda elements: bool(elements) is bool(condition["$not_empty"])
    test = _test(workspace, attribute, condition)
    return lambda elements: any(test(element) for element in elements)


def _allowed(attribute: Attribute, operator: str) -> None:
    if operator not in _ALLOWED[attribute.type]:
        raise bad_filter()


def _test(workspace: Workspace, attribute: Attribute, condition: Any) -> Callable[[Element], bool]:
    main = _MAIN.get(attribute.type, "value")
    if not isinstance(condition, dict):
        condition = {main: {"$eq": condition}}
    tests: list[Callable[[Element], bool]] = []
    for key, wanted in condition.items():
        if key.startswith("$"):
            tests.append(_compare(attribute, main, key, wanted))
            continue
        if key == "target_object":
            tests.append(_points_to(workspace, wanted))
            continue
        operators = wanted if isinstance(wanted, dict) else {"$eq": wanted}
        tests += [_compare(attribute, key, operator, one) for operator, one in operators.items()]
    return lambda element: all(test(element) for test in tests)


def _points_to(workspace: Workspace, wanted: Any) -> Callable[[Element], bool]:
    try:
        slug = workspace.object(str(wanted)).slug
    except Refusal:
        raise bad_filter() from None
    return lambda element: bool(element.get("target_object") == slug)


def _compare(
    attribute: Attribute, member: str, operator: str, wanted: Any
) -> Callable[[Element], bool]:
    _allowed(attribute, operator)
    if operator == "$in":
        if not isinstance(wanted, list):
            raise bad_filter()
        several = {_normal(attribute, one) for one in wanted}
        return lambda element: _member(attribute, element, member) in several
    goal = _normal(attribute, wanted)
    if attribute.type == "phone-number" and operator == "$eq" and member == "phone_number":
        goal = str(goal).replace(" ", "")

    def compare(element: Element) -> bool:
        value = _member(attribute, element, member)
        if value is None:
            return False
        match operator:
            case "$eq":
                return bool(value == goal)
            case "$contains":
                return str(goal) in str(value)
            case "$starts_with":
                return str(value).startswith(str(goal))
            case "$ends_with":
                return str(value).endswith(str(goal))
        try:
            return bool(_ORDERS[operator](value, goal))
        except TypeError:
            raise bad_filter() from None

    return compare


def _member(attribute: Attribute, element: Element, member: str) -> Any:
    if member not in element:
        raise bad_filter()
    value = element[member]
    if isinstance(value, dict):
        value = value["title"]
    return _normal(attribute, value)


def _normal(attribute: Attribute, value: Any) -> Any:
    """A value as it is compared: texts without case, times as times."""
    if attribute.type in _TIMES and isinstance(value, str):
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            raise bad_filter() from None
        return time if time.tzinfo else time.replace(tzinfo=UTC)
    return value.casefold() if isinstance(value, str) else value


# ---------------------------------------------------------------- speed


def _narrowed(workspace: Workspace, object_: Object, filter_: Any) -> set[str] | None:
    """The only records that can fit, where unique values or ids tell; None if they do not."""
    if not isinstance(filter_, dict) or len(filter_) != 1:
        return None
    [(key, condition)] = filter_.items()
    if key == "$or" and isinstance(condition, list):
        several = [_narrowed(workspace, object_, one) for one in condition]
        return None if None in several else set().union(*(one for one in several if one))
    if key == "record_id" and isinstance(condition, dict):
        wanted = condition.get("$in")
        return set(wanted) if isinstance(wanted, list) and len(condition) == 1 else None
    attribute = object_.attributes.get(key)
    if attribute is None or not attribute.unique or not attribute.writable:
        return None
    if isinstance(condition, dict) and list(condition) == [_MAIN.get(attribute.type)]:
        [condition] = condition.values()
    if isinstance(condition, dict) and list(condition) == ["$eq"]:
        condition = condition["$eq"]
    if attribute.type not in ("email-address", "domain") or not isinstance(condition, str):
        return None
    try:
        [parts] = parsed(workspace, attribute, [condition])
    except Refusal:
        return None
    return object_.holders.get((attribute.slug, identity(attribute, parts)), set())


# ---------------------------------------------------------------- sorts


def ordered(object_: Object, records: list[Record], sorts: Any) -> list[Record]:
    """The records by these sorts, the first one first; records without a value come last."""
    if not isinstance(sorts, list):
        raise bad_filter()
    for sort in reversed(sorts):
        if not isinstance(sort, dict) or sort.get("direction") not in ("asc", "desc"):
            raise bad_filter()
        attribute = _attribute(object_, str(sort.get("attribute")))
        member = sort.get("field") or _MAIN.get(attribute.type, "value")

        def value(record: Record, attribute: Attribute = attribute, member: str = member) -> Any:
            elements = record.values[attribute.slug]
            return _member(attribute, elements[0], member) if elements else None

        there = [record for record in records if value(record) is not None]
        rest = [record for record in records if value(record) is None]
        there.sort(key=value, reverse=sort["direction"] == "desc")
        records = there + rest
    return records


def score(filter_: Any, sorts: Any) -> int:
    """Guess: points of a query. Recorded: 0 without filter or sort, 108 for one by created_at."""
    return 108 * len(sorts) + 5 * _conditions(filter_)


def _conditions(filter_: Any) -> int:
    if isinstance(filter_, dict):
        return sum(
            _conditions(value) if key.startswith("$") else 1 for key, value in filter_.items()
        )
    return sum(map(_conditions, filter_)) if isinstance(filter_, list) else 0
