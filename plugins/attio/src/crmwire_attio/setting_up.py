"""Making the objects, attributes and options that a mapping describes: `crmwire setup`.

docs.attio.com/rest-api/endpoint-reference, objects and attributes (read 2026-11). What is there
already is answered with 409 `slug_conflict`, which is as good as made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from attrs import define

from crmwire.errors import Failure, NotAllowed, Rejected
from crmwire.types import SetupStep
from crmwire_attio import api, schema, scopes
from crmwire_attio.choices import PLURAL
from crmwire_attio.errors import NO_OBJECT
from crmwire_attio.settings import NewAttribute, NewObject, settings_of

if TYPE_CHECKING:
    from crmwire.connections import Connection
    from crmwire.mapping import Mapping as FieldMapping

State = Literal["done", "todo", "impossible"]
TAKEN = "slug_conflict"
_AS_NOTES = "Until then the mapping's records are written as notes. "
_PLAN = "Ask Attio for a plan with custom objects, or make room by deleting one. "


@define(kw_only=True)
class _Plan:
    """What one described object still needs."""

    slug: str
    new: NewObject
    there: Mapping[str, schema.Attribute] | None
    """Its attributes; None if the workspace has no such object."""
    options: dict[str, list[str]]
    """Options that are missing, by attribute."""
    refused: NotAllowed | None = None

    @property
    def absent(self) -> dict[str, NewAttribute]:
        there = self.there or {}
        return {slug: new for slug, new in self.new.attributes.items() if slug not in there}


def set_up(
    conn: Connection, mapping: FieldMapping | None, steps: Sequence[str]
) -> Sequence[SetupStep]:
    """Tell what the mapping's objects need, and make what `steps` name. Raises: a Failure."""
    if mapping is None:
        return []
    settings = settings_of(mapping.crm)
    plans = [_plan(conn, slug, new) for slug, new in settings.objects.items()]
    for plan in plans:
        if plan.there is None and _object_step(plan.slug) in steps:
            _make_object(conn, plan)
        if plan.there is not None and _attributes_step(plan.slug) in steps:
            _make_attributes(conn, plan)
        if steps:
            conn.forget_cached(f"fields/{plan.slug}")
    lacking = scopes.missing(scopes.held(conn), scopes.SETUP) if plans else []
    needs = f"This takes the scope {lacking[0]}. {scopes.where(conn)}. " if lacking else ""
    falls_back = settings.without_object == "note"
    return [step for plan in plans for step in _steps(plan, needs, falls_back)]


def _object_step(slug: str) -> str:
    return f"object:{slug}"


def _attributes_step(slug: str) -> str:
    return f"attributes:{slug}"


# ---------------------------------------------------------------- what is needed


def _plan(conn: Connection, slug: str, new: NewObject) -> _Plan:
    try:
        there = schema.fetched(conn, slug, anew=True)
    except Rejected as failure:
        if failure.code != NO_OBJECT:
            raise
        return _Plan(slug=slug, new=new, there=None, options={})
    options: dict[str, list[str]] = {}
    for name, attribute in new.attributes.items():
        if attribute.options and name in there and there[name].type in PLURAL:
            path = ("objects", slug, "attributes", name, PLURAL[there[name].type])
            known = schema.choices(conn.http.send(api.read(*path)))
            options[name] = [title for title in attribute.options if title not in known]
    return _Plan(slug=slug, new=new, there=there, options={k: v for k, v in options.items() if v})


def _steps(plan: _Plan, needs: str, falls_back: bool) -> Iterator[SetupStep]:
    may: State = "impossible" if needs or plan.refused else "todo"
    remedy, why = needs, ""
    if plan.refused:
        remedy, why = _PLAN, f" {plan.refused.message}"
    name = plan.new.plural or plan.slug
    if plan.new.singular:
        state: State = "done" if plan.there is not None else may
        detail = "It is there." if state == "done" else f"Makes the object {plan.slug!r}.{why}"
        more = _AS_NOTES if falls_back and state != "done" else ""
        yield SetupStep(
            id=_object_step(plan.slug),
            title=f"Object {name}",
            detail=detail,
            state=state,
            remedy="" if state == "done" else f"{remedy}{more}".strip(),
        )
    yield from _misfits(plan)
    missing = [f"{slug} ({new.type})" for slug, new in plan.absent.items()]
    missing += [f"{slug}: {', '.join(titles)}" for slug, titles in plan.options.items()]
    state = may if missing else "done"
    yield SetupStep(
        id=_attributes_step(plan.slug),
        title=f"Attributes of {name}",
        detail=f"Makes {'; '.join(missing)}." if missing else "They are there.",
        state=state,
        remedy=remedy.strip() if missing else "",
    )


def _misfits(plan: _Plan) -> Iterator[SetupStep]:
    """Attributes that are there, but are not what the mapping needs; they cannot be changed."""
    for slug, new in plan.new.attributes.items():
        found = (plan.there or {}).get(slug)
        if found is None:
            continue
        problem = ""
        if found.type != new.type:
            problem = f"is of the type {found.type}, not {new.type}"
        elif new.unique and not found.unique:
            problem = "does not keep its values unique"
        if problem:
            yield SetupStep(
                id=f"attribute:{plan.slug}.{slug}",
                title=f"Attribute {slug} of {plan.slug}",
                detail=f"It is there, but {problem}.",
                state="impossible",
                remedy=f"Archive {slug} in Attio and run this again, or name another one.",
            )


# ---------------------------------------------------------------- making it


def _make_object(conn: Connection, plan: _Plan) -> None:
    data = {
        "api_slug": plan.slug,
        "singular_noun": plan.new.singular,
        "plural_noun": plan.new.plural or plan.new.singular,
    }
    try:
        _made(conn, data, "objects")
    except NotAllowed as refusal:
        # The plan's limit, or a member who may not: told as a step that is not possible.
        plan.refused = refusal
        return
    plan.there = schema.fetched(conn, plan.slug, anew=True)


def _make_attributes(conn: Connection, plan: _Plan) -> None:
    for slug, new in plan.absent.items():
        _made(conn, _attribute(slug, new), "objects", plan.slug, "attributes")
        if new.options:
            plan.options[slug] = list(new.options)
    for slug, titles in plan.options.items():
        plural = PLURAL[plan.new.attributes[slug].type]
        for title in titles:
            path = ("objects", plan.slug, "attributes", slug, plural)
            _made(conn, {"title": title}, *path)
    made = _plan(conn, plan.slug, plan.new)
    plan.there, plan.options = made.there, made.options


def _made(conn: Connection, data: Mapping[str, Any], *parts: str) -> None:
    try:
        conn.http.send(api.make(data, *parts))
    except Failure as failure:
        if failure.code != TAKEN:
            raise


def _attribute(slug: str, new: NewAttribute) -> dict[str, Any]:
    """An attribute as its creation takes it: all of these members are required."""
    config: dict[str, Any] = {}
    if new.to:
        config["record_reference"] = {"allowed_objects": [new.to]}
    if new.type == "currency":
        code = new.currency or "USD"
        config["currency"] = {"default_currency_code": code, "display_type": "symbol"}
    data: dict[str, Any] = {
        "title": new.title,
        "description": None,
        "api_slug": slug,
        "type": new.type,
        "is_required": False,
        "is_unique": new.unique,
        "is_multiselect": new.many,
        "config": config,
    }
    if new.back:
        title = new.back.replace("_", " ").capitalize()
        back = {"object": new.to, "title": title, "api_slug": new.back, "is_multiselect": True}
        data["relationship"] = back
    return data
