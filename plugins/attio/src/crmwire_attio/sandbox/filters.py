"""Filters and sorts of a query.

docs.attio.com/rest-api/guides/filtering-and-sorting (read 2026-11).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from crmwire_attio.sandbox.answers import Refusal, bad_filter
from crmwire_attio.sandbox.values import identity, parsed
from crmwire_attio.sandbox.workspace import Attribute, Element, Object, Record, Workspace

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
_TIMES = ("timestamp", "interaction")


def matching(workspace: Workspace, object_: Object, filter_: Any) -> list[Record]:
    """The records that fit a filter, in the order of their creation (guess: the default order)."""
    narrow = _narrowed(workspace, object_, filter_)
    records: Iterable[Record] = object_.records.values()
    if narrow is not None:
        records = (object_.records[id_] for id_ in object_.records if id_ in narrow)
    return [record for record in records if fits(workspace, object_, record, filter_)]


def fits(workspace: Workspace, object_: Object, record: Record, filter_: Any) -> bool:
    """Whether one record fits. Raises: Refusal for a filter that cannot be understood."""
    if not isinstance(filter_, dict):
        raise bad_filter()
    if "path" in filter_:
        return _fits_path(workspace, object_, record, filter_)
    verdicts = []
    for key, condition in filter_.items():
        match key:
            case "$and" | "$or":
                if not isinstance(condition, list):
                    raise bad_filter()
                several = [fits(workspace, object_, record, one) for one in condition]
                verdicts.append(all(several) if key == "$and" else any(several))
            case "$not":
                verdicts.append(not fits(workspace, object_, record, condition))
            case _:
                attribute = _attribute(object_, key)
                elements = record.values[attribute.slug]
                verdicts.append(_holds(workspace, attribute, elements, condition))
    return all(verdicts)


def _attribute(object_: Object, name: str) -> Attribute:
    try:
        return object_.attribute(name)
    except Refusal:
        raise bad_filter() from None


def _fits_path(
    workspace: Workspace, object_: Object, record: Record, filter_: Mapping[str, Any]
) -> bool:
    """Follow references from attribute to attribute; the constraints hold for the last one."""
    path, constraints = filter_["path"], filter_.get("constraints")
    if not isinstance(path, list) or not path or not isinstance(constraints, dict):
        raise bad_filter()
    reached = [record]
    for position, step in enumerate(path):
        try:
            there = workspace.object(str(step[0]))
            attribute = _attribute(there, str(step[1]))
        except (Refusal, IndexError, TypeError):
            raise bad_filter() from None
        if position == 0 and there is not object_:
            raise bad_filter()
        if position == len(path) - 1:
            return any(
                _holds(workspace, attribute, one.values[attribute.slug], constraints)
                for one in reached
            )
        if attribute.type != "record-reference":
            raise bad_filter()
        reached = [
            workspace.objects[element["target_object"]].records[element["target_record_id"]]
            for one in reached
            for element in one.values[attribute.slug]
        ]
    return False


# ---------------------------------------------------------------- one attribute


def _holds(
    workspace: Workspace, attribute: Attribute, elements: Sequence[Element], condition: Any
) -> bool:
    if isinstance(condition, dict) and "$not_empty" in condition:
        _allowed(attribute, "$not_empty")
        return bool(elements) is bool(condition["$not_empty"])
    test = _test(workspace, attribute, condition)
    return any(test(element) for element in elements)


def _allowed(attribute: Attribute, operator: str) -> None:
    if operator not in _ALLOWED[attribute.type]:
        raise bad_filter()


def _test(
    workspace: Workspace, attribute: Attribute, condition: Any
) -> Callable[[Element], bool]:
    """A test of one element; compiled first, so that a bad filter fails with no element too."""
    main = _MAIN.get(attribute.type, "value")
    if not isinstance(condition, dict):
        condition = {main: {"$eq": condition}}
    tests: list[Callable[[Element], bool]] = []
    for key, wanted in condition.items():
        if key.startswith("$"):
            tests.append(_compare(attribute, main, key, wanted))
            continue
        if key == "target_object":
            slug = workspace.object(str(wanted)).slug
            tests.append(lambda element, slug=slug: element["target_object"] == slug)
            continue
        operators = wanted if isinstance(wanted, dict) else {"$eq": wanted}
        tests += [_compare(attribute, key, operator, one) for operator, one in operators.items()]
    return lambda element: all(test(element) for test in tests)


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
            return {
                "$lt": value < goal,
                "$lte": value <= goal,
                "$gt": value > goal,
                "$gte": value >= goal,
            }[operator]
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

        def value(
            record: Record, attribute: Attribute = attribute, member: str = member
        ) -> Any:
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
