"""What each of Acme's refusals becomes."""

from __future__ import annotations

import json

import pytest
from crmwire.errors import RetryLater

from crmwire_acme import errors


def refusal(code: str) -> str:
    """The body of a refusal, as Acme sends it."""
    return json.dumps({"error": {"code": code, "message": "because", "field": "email"}})


@pytest.mark.parametrize("code", errors.BY_CODE)
def test_each_code_has_its_failure_and_a_remedy(code: str) -> None:
    failure = errors.of_answer(refusal(code), "sales")
    assert isinstance(failure, errors.BY_CODE[code].kind)
    assert (failure.code, failure.fields) == (code, ("email",))
    assert "because" in failure.message
    assert "{" not in failure.remedy
    assert failure.remedy or isinstance(failure, RetryLater)


def test_an_unknown_code_is_a_refusal_of_the_data() -> None:
    failure = errors.of_answer(refusal("brand_new"), "sales")
    assert failure is not None
    assert (failure.kind, failure.code) == ("rejected", "brand_new")


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"error": "no"}', "<html></html>"])
def test_what_is_not_acmes_is_left_to_core(body: str) -> None:
    assert errors.of_answer(body, "sales") is None
