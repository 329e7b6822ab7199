"""The hook specifications, the typed façade and core's own answers say the same."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from crmwire import defaults, hooks, hookspecs
from crmwire.hooks import Hooks, SourceHooks, chain, manager
from crmwire.hookspecs import AppSpecs, CrmSpecs, SourceSpecs, hookimpl
from crmwire.testing.annotations import differences, implementations
from crmwire.types import CrmInfo

GROUPS = (CrmSpecs, SourceSpecs, AppSpecs)
FACES: dict[Any, type] = {CrmSpecs: Hooks, SourceSpecs: SourceHooks}


def specs(*groups: type) -> list[Any]:
    return [
        pytest.param(group, function, id=name)
        for group in groups
        for name, function in vars(group).items()
        if hasattr(function, f"{hookspecs.NAME}_spec")
    ]


EACH = pytest.mark.parametrize(("group", "spec"), specs(*GROUPS))
EACH_WITH_FACE = pytest.mark.parametrize(("group", "spec"), specs(*FACES))


@EACH
def test_every_hook_says_since_when_and_ends_its_first_sentence(group: type, spec: Any) -> None:
    text = inspect.getdoc(spec) or ""
    assert text.partition("\n")[0].rstrip().endswith((".", "?"))
    assert "Added in 0.1." in " ".join(text.split())


@EACH_WITH_FACE
def test_every_hook_says_whether_it_is_pure(group: type, spec: Any) -> None:
    text = " ".join((inspect.getdoc(spec) or "").split())
    pure, reaching_out = "Pure" in text, "I/O" in text
    if spec.__name__ in ("delivery_changed", "sandbox"):
        assert not pure
        return
    assert pure != reaching_out
    assert pure == (spec.__name__ in hooks.PURE)


@EACH_WITH_FACE
def test_every_hook_has_a_typed_method_with_the_same_arguments(group: type, spec: Any) -> None:
    if spec.__name__ == "sandbox":  # asked for without a connection
        return
    method = getattr(FACES[group], spec.__name__)
    wanted = [name for name in inspect.signature(spec).parameters if name not in ("conn", "feed")]
    assert list(inspect.signature(method).parameters) == wanted
    types = {name: spec.__annotations__[name] for name in wanted if name != "self"}
    assert {name: method.__annotations__[name] for name in types} == types


def test_core_answers_with_the_types_of_the_specification() -> None:
    assert differences(defaults) == []
    assert {"map_event", "match_keys", "choose_match", "merge_fields"} <= set(
        implementations(defaults)
    )


def test_the_nearest_to_the_user_is_asked_first() -> None:
    class Far:
        @hookimpl
        def filter_event(self) -> str | None:
            return "far"

    class Near:
        @hookimpl
        def filter_event(self) -> str | None:
            return "near"

    pm = manager(CrmSpecs, [("core", defaults), ("far", Far()), ("near", Near())])
    assert chain(pm, "filter_event") == ["near", "far"]
    assert pm.hook.filter_event(conn=None, delivery=None) == "near"


class TestDifferences:
    """What the comparison of annotations notices."""

    def test_arguments_may_be_left_out_and_none_too(self) -> None:
        class Plugin:
            @staticmethod
            @hookimpl
            def crm_info() -> CrmInfo:
                raise AssertionError

        assert differences(Plugin) == []

    def test_another_type_is_named(self) -> None:
        class Plugin:
            @staticmethod
            @hookimpl
            def list_fields(object_type: bytes) -> None: ...

        [argument, answer] = differences(Plugin)
        assert argument.startswith("list_fields: object_type is <class 'str'>, not")
        assert answer.startswith("list_fields: it returns")

    def test_missing_annotations_are_named(self) -> None:
        class Plugin:
            @staticmethod
            @hookimpl
            def list_fields(object_type): ...  # type: ignore[no-untyped-def]

        assert differences(Plugin) == [
            "list_fields: object_type has no annotation",
            "list_fields: what it returns has no annotation",
        ]

    def test_unknown_hooks_and_arguments_are_named(self) -> None:
        class Plugin:
            @staticmethod
            @hookimpl
            def find_everything() -> None: ...

            @staticmethod
            @hookimpl
            def crm_info(conn: object) -> CrmInfo:  # noqa: ARG004  (it is the point)
                raise AssertionError

        assert differences(Plugin) == [
            "crm_info: it has no argument 'conn'",
            "find_everything: there is no such hook",
        ]

    def test_coroutines_are_refused(self) -> None:
        class Plugin:
            @staticmethod
            @hookimpl
            async def crm_info() -> CrmInfo:
                raise AssertionError

        assert differences(Plugin) == ["crm_info: hooks are synchronous"]
