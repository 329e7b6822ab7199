"""The reference page of Attio's errors, made from the table that judges them.

`python -m crmwire_attio.errorpage > docs/reference/attio-errors.md`
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

from attrs import frozen

from crmwire.errors import Failure, RetryLater
from crmwire_attio import errors, logins


@frozen
class Case:
    """An error as Attio sends it. `cause` is for people; `message` where its wording matters."""

    status: int
    code: str
    cause: str
    message: str = "Refused."
    type: str = "invalid_request_error"

    def body(self) -> dict[str, object]:
        return {
            "status_code": self.status,
            "type": self.type,
            "code": self.code,
            "message": self.message,
        }

    def failure(self) -> Failure:
        """What the plugin makes of it."""
        found = errors.failure(self.status, json.dumps(self.body()))
        assert found is not None
        return found


CASES = (
    Case(400, "validation_type", "A value is not of its attribute's type."),
    Case(400, "missing_value", "A required attribute has no value."),
    Case(400, "filter_error", "A query's filter does not fit the object."),
    Case(400, "immutable_value", "The attribute cannot be changed once it is set."),
    Case(400, "duplicate_values", "The same value was sent twice."),
    Case(
        400,
        "multiple_values_for_single_value_attribute",
        "Several values for an attribute that holds one.",
    ),
    Case(400, "particle_gate_violation", "A write rule of the workspace refused the values."),
    Case(400, "value_not_found", "An attribute, choice or referenced record is not there."),
    Case(400, "uniqueness_conflict", "Another record holds the value, and is not ours to write."),
    Case(400, "multiple_match_results", "Several records match."),
    Case(
        400,
        "matching_attribute_definition_not_unique",
        "Attio does not keep the attribute unique that a record is matched by.",
    ),
    Case(400, "system_edit_unauthorized", "Attio computes the attribute itself."),
    Case(400, "formula_edit_unauthorized", "The attribute is computed by a formula."),
    Case(400, "standard_object_disabled", "Deals, users or workspaces are not turned on."),
    Case(400, "quota_exceeded", "The plan's number of objects is reached."),
    Case(400, "limit_reached", "The workspace's number of such things is reached."),
    Case(400, "merge_in_progress", "The record is being merged."),
    Case(404, "merge_in_progress", "The record is being merged."),
    Case(401, "unauthorized", "The token is not known, or was deleted.", type="auth_error"),
    Case(403, "unauthorized", "A scope or a permission is missing.", type="auth_error"),
    Case(403, "billing_error", "The plan does not include it.", type="auth_error"),
    Case(403, "quota_exceeded", "The plan's number is reached.", type="auth_error"),
    Case(404, "not_found", "The record is gone.", 'Record with ID "1" not found.'),
    Case(
        404, "not_found", "There is no such object or list.", 'Object with slug/ID "x" not found.'
    ),
    Case(404, "not_found", "There is no such attribute.", 'Attribute with slug/ID "x" not found.'),
    Case(404, "not_found", "There is no such call.", 'Could not find endpoint "GET /v2/x".'),
    Case(404, "value_not_found", "A value names something that is not there."),
    Case(409, "slug_conflict", "The name is taken; `crmwire setup` counts that as made."),
    Case(409, "concurrent_write_conflict", "Two writes to one record met."),
    Case(409, "uniqueness_conflict", "The value is taken."),
    Case(413, "validation_type", "The text is too long."),
    Case(429, "rate_limit_exceeded", "Too many calls in a second.", type="rate_limit_error"),
    Case(500, "internal_error", "Attio failed."),
    Case(502, "", "Attio is down."),
    Case(503, "", "Attio is down."),
    Case(504, "", "Attio is down."),
    Case(418, "a_new_code", "A code that this version does not know: judged by its status."),
)

OWN = (
    ("inactive", "The token check says that the token is dead (200 with `active: false`)."),
    ("missing_scope", "The token lacks a scope: named before anything is sent."),
    ("unknown_object", "The workspace has no such object or list."),
    ("unknown_attribute", "The workspace, a note or a task has no such attribute."),
    ("unfit_value", "A value cannot be of its attribute's type: refused before it is sent."),
    ("free_mail", "A company was to be made for a mail provider's domain."),
    ("no_parent", "A note or an entry of a list has no record to stand on."),
    ("no_key", "A note or a task was to be matched by a key; they have none."),
    ("unknown_parent", "A note may have been written, but on whom is known no more."),
)

_HEAD = """\
# Errors of Attio

What becomes of each error that Attio answers with: made from the table in
`crmwire_attio.errors` by `python -m crmwire_attio.errorpage`. A code that is not listed is
judged by its status: 401 needs a login, 402 and 403 are not allowed, 408, 423, 425, 429 and 5xx
are tried again, anything else is rejected.

The codes and their statuses are from Attio's documentation and specification (docs.attio.com,
read 2026-11); no code in this table was seen by this plugin on the live service.

| status | code | cause | what happens | remedy |
|---|---|---|---|---|
"""
_OWN = """
`uniqueness_conflict` on a person or company is looked into first: the record that holds the value
is written instead, what is empty there is filled, and what differs is left alone. `RetryLater` is
tried again in place where that is safe; a note or task whose outcome is not known is looked for
first.

## Codes of the plugin's own

| code | cause |
|---|---|
"""


_LOGIN = """
## Refusals of the login

By the `error` of the redirect or of `/oauth/token`, and by what its description says where one
code stands for several causes. The codes are those of RFC 6749, the descriptions guesses: no
refusal of Attio's login was ever published. A wrong client id or redirect address is shown in the
browser and never comes back; `crmwire connect` then says what to look at.

| error | our code | what it says | what happens | remedy |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    own = "".join(f"| `{code}` | {why} |\n" for code, why in OWN)
    return _HEAD + "".join(_rows()) + _OWN + own + _LOGIN + "".join(_login_rows())


def _login_rows() -> Iterable[str]:
    for one in logins.REFUSED:
        found = logins.failure(0, json.dumps({"error": one.code, "error_description": one.told}))
        assert found is not None
        yield (
            f"| `{one.code}` | `{found.code}` | {one.message} | {_what(found)} | {found.remedy} |\n"
        )


def _rows() -> Iterable[str]:
    for case in CASES:
        failure = case.failure()
        code = f"`{case.code}`" if case.code else ""
        yield (
            f"| {case.status} | {code} | {case.cause} | {_what(failure)} "
            f"| {failure.remedy or 'None needed.'} |\n"
        )


def _what(failure: Failure) -> str:
    paused = isinstance(failure, RetryLater) and failure.pause
    return f"`{type(failure).__name__}`{', the lane pauses' if paused else ''}"


if __name__ == "__main__":
    sys.stdout.write(page())
