"""What becomes of HubSpot's refusals of a login: of its token endpoint, and of its login page.

The token endpoint names an error by `status`, and since 2026 by `error` of RFC 6749 as well
(developers.hubspot.com/docs, "Working with OAuth" and the changelog "Standardized error
responses", read 2026-11). Where both are known the older one says more: `invalid_grant` stands
for a code and for a refresh token alike. The names marked (guess) are not seen in an answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from crmwire.errors import Failure
from crmwire_hubspot.bodies import ErrorBody, read_text
from crmwire_hubspot.errors import REPORT, WAIT, Meaning, classify, made

AGAIN = "`crmwire connect hubspot --name NAME`"
PAGE = "the app's page in HubSpot (Development, Projects, the app, Auth)"

LOGIN: Mapping[str, Meaning] = {
    "BAD_REFRESH_TOKEN": Meaning(
        outcome="login",
        message="The login was ended in HubSpot: the app was uninstalled, its login revoked, or "
        "the user who installed it removed.",
        remedy=f"Connect again: {AGAIN}; what waits goes on then.",
    ),
    "BAD_AUTH_CODE": Meaning(
        outcome="login",
        message="The login's code was used already, has expired, or is none of HubSpot's.",
        remedy=f"Begin the login again: {AGAIN}.",
    ),
    "BAD_CLIENT_ID": Meaning(  # (guess)
        outcome="login",
        message="HubSpot knows no app of this client id.",
        remedy=f"Copy the client id from {PAGE} and connect again with --client-id.",
    ),
    "BAD_CLIENT_SECRET": Meaning(  # (guess)
        outcome="login",
        message="The app's client secret is wrong, or was rotated.",
        remedy=f"Copy the secret from {PAGE} and connect again with --client-secret-stdin.",
    ),
    "MISMATCH_REDIRECT_URI_AUTH_CODE": Meaning(  # (guess)
        outcome="login",
        message="The login's return address is not the one that it began with.",
        remedy=f"Enter the return address that crmwire shows on {PAGE}, then connect again.",
    ),
    "invalid_grant": Meaning(
        outcome="login",
        message="HubSpot accepts neither this login nor its code any more.",
        remedy=f"Connect again: {AGAIN}.",
    ),
    "invalid_client": Meaning(
        outcome="login",
        message="HubSpot does not accept the app's client id and secret.",
        remedy=f"Copy both from {PAGE}; connect again with --client-id and --client-secret-stdin.",
    ),
    "unauthorized_client": Meaning(
        outcome="login",
        message="HubSpot does not let this app log in so.",
        remedy=f"See on {PAGE} that it uses OAuth and may be installed in this account.",
    ),
    "access_denied": Meaning(  # (guess)
        outcome="not_allowed",
        message="The app was not connected: somebody declined on HubSpot's page.",
        remedy=f"Run {AGAIN} again and choose Connect app. It takes a super admin, or a user who "
        "may install apps of the marketplace.",
    ),
    "invalid_scope": Meaning(
        outcome="login",
        message="HubSpot does not give the app a scope that was asked for.",
        remedy=f"Add the scope on {PAGE}, or name fewer in the connection's `optional_scopes`; "
        "then connect again.",
    ),
    "invalid_request": Meaning(
        outcome="broken", message="HubSpot could not read the login's request.", remedy=REPORT
    ),
    "unsupported_grant_type": Meaning(
        outcome="broken", message="HubSpot does not know this kind of login.", remedy=REPORT
    ),
    "temporarily_unavailable": Meaning(
        outcome="pause", message="HubSpot's login is not available just now.", remedy=WAIT
    ),
    "server_error": Meaning(outcome="pause", message="HubSpot's login failed inside.", remedy=WAIT),
}
"""By the code of a token endpoint's answer, or the `error` of a redirect."""

_PASSING = frozenset([408, 425, 429])
_OTHER = Meaning(
    outcome="login",
    message="HubSpot does not accept the login.",
    remedy=f"Connect again: {AGAIN}.",
)


def classify_login(status: int, headers: Mapping[str, str], body: str) -> Failure | None:
    """What a refusal means; status 0 is a redirect. None for a body that says nothing."""
    error = read_text(body)
    if status >= 500 or status in _PASSING:
        return classify(status, headers, body)
    codes = [code for code in error.codes if code in LOGIN]
    if not codes:
        return _told(_OTHER, error, error.codes[0]) if error.codes else None
    return _told(LOGIN[codes[0]], error, codes[0])


def _told(meaning: Meaning, error: ErrorBody, code: str) -> Failure:
    message = " ".join(part for part in (meaning.message, error.told) if part)
    return made(meaning, message, code[:80], request_id=error.correlation_id)
