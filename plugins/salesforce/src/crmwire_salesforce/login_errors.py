"""What a refused login means, by Salesforce's error and its description.

"OAuth 2.0 Authorization Errors" in Salesforce Help (read 2026-11). One error, `invalid_grant`,
stands for many things that only its description tells apart; unlike the messages of the data API
these texts are not translated. What none of them fits is told in general.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from crmwire.errors import Failure, NeedsLogin, NotAllowed, RetryLater

LONGEST = 300


@frozen(kw_only=True)
class LoginRule:
    """What an error means, where its description holds one of `says` (or whatever it says)."""

    error: str
    says: tuple[str, ...] = ()
    message: str
    remedy: str
    failure: type[Failure] = NeedsLogin
    pause: bool = False
    after: float | None = None

    def fits(self, error: str, description: str) -> bool:
        low = description.lower()
        return error == self.error and (not self.says or any(text in low for text in self.says))


_INSTALL = (
    "Let an admin install the app (Setup, External Client App Manager; for older apps Connected "
    "Apps OAuth Usage), or give the user the permission `Approve Uninstalled Connected Apps`; for "
    "a sandbox, log in at its My Domain with --login-host."
)
_ALLOW = (
    "In Setup, in the app's policies, let all users authorize themselves, or add the user's "
    "profile or permission set; see that Connected Apps OAuth Usage does not block it."
)
_AGAIN = "Begin the login again; a code holds for 15 minutes and can be used once."
_REPORT = "Report this to the plugin's authors, with the error and its description."
_CALLBACK = "Enter the callback URL in the app's settings in Setup, exactly as crmwire shows it."
_WAIT = "Nothing to do: it is tried again. If it stays so, see status.salesforce.com."

RULES: Sequence[LoginRule] = (
    LoginRule(
        error="invalid_client_id",
        message="Salesforce does not know the app's consumer key.",
        remedy="Check --client-id, and that --login-host is right: production and sandboxes are "
        "not the same. An app may take ten minutes to be known.",
    ),
    LoginRule(
        error="invalid_client",
        message="The app's secret is wrong, or was replaced.",
        remedy="Copy the consumer secret from the app's settings in Setup and give it with "
        "--client-secret-stdin.",
    ),
    LoginRule(
        error="app_not_found",
        message="The app is not installed in the org.",
        remedy=_INSTALL,
    ),
    LoginRule(
        error="OAUTH_EC_APP_NOT_FOUND",
        message="The app is not installed in the org.",
        remedy=_INSTALL,
    ),
    LoginRule(
        error="OAUTH_APPROVAL_ERROR_GENERIC",
        message="The org does not let the user approve the app.",
        remedy=_INSTALL,
    ),
    LoginRule(
        error="invalid_app_access",
        message="The user may not use the app.",
        remedy=_ALLOW,
    ),
    LoginRule(
        error="OAUTH_APP_ACCESS_DENIED",
        message="The user may not use the app.",
        remedy=_ALLOW,
    ),
    LoginRule(
        error="OAUTH_APP_BLOCKED",
        message="An admin has blocked the app.",
        remedy="Let the admin unblock it in Setup, Connected Apps OAuth Usage.",
    ),
    LoginRule(
        error="access_denied",
        message="The login was declined.",
        remedy="Log in again and allow the app what it asks for.",
        failure=NotAllowed,
    ),
    # ---------------------------------------------------------- invalid_grant
    LoginRule(
        error="invalid_grant",
        says=("already being processed",),
        message="Another refresh of this login is on its way.",
        remedy="Nothing to do: its answer is used.",
        failure=RetryLater,
        after=1.0,
    ),
    LoginRule(
        error="invalid_grant",
        says=("expired access/refresh token", "refresh token"),
        message="The login has ended: it expired, was revoked, or was used elsewhere.",
        remedy="Log in again. If it ends often, set the app's refresh token policy to `valid until "
        "revoked`, and use the app for at most five logins of a user: a sixth ends the oldest.",
    ),
    LoginRule(
        error="invalid_grant",
        says=("authorization code",),
        message="The code of the login was too old, or was used already.",
        remedy=_AGAIN,
    ),
    LoginRule(
        error="invalid_grant",
        says=("code verifier",),
        message="The login came back to another program than it began in.",
        remedy=_AGAIN,
    ),
    LoginRule(
        error="invalid_grant",
        says=("ip restricted", "login hours"),
        message="Salesforce refuses logins from this address, or at this hour.",
        remedy="In Setup, relax IP restrictions in the app's policies, or add this address and "
        "hour to the login ranges and hours of the user's profile.",
    ),
    LoginRule(
        error="invalid_grant",
        says=("approved this consumer", "approved the consumer"),
        message="The user has not approved the app.",
        remedy="In Setup, in the app's policies, let admin-approved users be pre-authorized and "
        "add the user's permission set.",
    ),
    LoginRule(
        error="invalid_grant",
        says=("audience",),
        message="The assertion was made for another host than it was sent to.",
        remedy="Give --login-host: https://login.salesforce.com, https://test.salesforce.com for "
        "sandboxes, or the org's My Domain.",
    ),
    LoginRule(
        error="invalid_grant",
        says=("assertion",),
        message="The assertion is not accepted.",
        remedy="Check that the app has the certificate of this private key, that --user is a user "
        "of the org, and that this machine's clock is right.",
    ),
    LoginRule(
        error="invalid_grant",
        says=("not supported on this domain",),
        message="An app logs in as itself only at the org's own address.",
        remedy="Give --login-host https://DOMAIN.my.salesforce.com.",
    ),
    LoginRule(
        error="invalid_grant",
        says=("client credentials user",),
        message="The app has no user to run as.",
        remedy="In Setup, in the app's policies, enable the client credentials flow and name a "
        "user under `Run As`.",
    ),
    LoginRule(
        error="invalid_grant",
        says=("authentication failure",),
        message="Salesforce does not let the user in: locked or frozen, or the secret is wrong.",
        remedy="Unlock the user in Setup, Users, and check the app's secret.",
    ),
    LoginRule(
        error="invalid_grant",
        message="Salesforce does not accept the login.",
        remedy="Log in again; Setup, Login History, says why it was refused.",
    ),
    # ---------------------------------------------------------- who, what, how
    LoginRule(
        error="inactive_user",
        message="The connected user is not active.",
        remedy="Activate the user in Setup, Users, or log in as another user of the same org.",
    ),
    LoginRule(
        error="inactive_org",
        message="The org is not active.",
        remedy="Ask Salesforce to activate the org.",
    ),
    LoginRule(
        error="invalid_scope",
        message="The app may not have what was asked for.",
        remedy="Give the app the scopes `Manage user data via APIs (api)` and `Perform requests at "
        "any time (refresh_token, offline_access)` in Setup.",
    ),
    LoginRule(
        error="redirect_uri_mismatch",
        message="The app does not know the address to come back to.",
        remedy=_CALLBACK,
    ),
    LoginRule(
        error="redirect_uri_missing",
        message="The address to come back to is missing.",
        remedy=_CALLBACK,
    ),
    LoginRule(
        error="invalid_request",
        says=("code challenge", "code verifier"),
        message="The login came back to another program than it began in.",
        remedy=_AGAIN,
    ),
    LoginRule(
        error="invalid_request",
        message="Salesforce does not understand the login.",
        remedy=_REPORT,
    ),
    LoginRule(
        error="unsupported_response_type",
        message="Salesforce does not offer this way to log in.",
        remedy="Enable the authorization code flow in the app's settings in Setup.",
    ),
    LoginRule(
        error="unsupported_grant_type",
        message="The app does not offer this way to log in.",
        remedy="Enable the flow that --grant names in the app's settings in Setup.",
    ),
    # ---------------------------------------------------------- not now
    LoginRule(
        error="rate_limit_exceeded",
        message="The user logged in too often within the hour.",
        remedy="Nothing to do: it is tried again. See whether other programs log in as this user.",
        failure=RetryLater,
        pause=True,
        after=900.0,
    ),
    LoginRule(
        error="unknown_error",
        message="Salesforce could not say just now.",
        remedy=_WAIT,
        failure=RetryLater,
        pause=True,
    ),
)


def classify_login(name: str, body: str) -> Failure | None:
    """The failure that a refused login stands for; None for an error that is not known here.

    `name` is the connection's, so that the remedy can say what to run.
    """
    told = _told(body)
    error, description = str(told.get("error") or ""), str(told.get("error_description") or "")
    rule = next((rule for rule in RULES if rule.fits(error, description)), None)
    if rule is None:
        return None
    shown = f"{error}: {description}" if description else error
    line = "".join(sign if sign.isprintable() else " " for sign in shown)[:LONGEST]
    message = f"{rule.message} ({line})"
    if rule.failure is RetryLater:
        return RetryLater(
            message, remedy=rule.remedy, code=error, pause=rule.pause, after=rule.after
        )
    return rule.failure(message, remedy=f"{rule.remedy} {run(name)}", code=error)


def run(name: str) -> str:
    """The command that ends a lost login."""
    return f"Run `crmwire connect salesforce --name {name}`."


def _told(body: str) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
