"""What each error code of Salesforce means here: what happens next, and the remedy.

REST API Developer Guide, "Status Codes and Error Responses", and the code lists of the SOAP
API's `StatusCode` and `ExceptionCode` (read 2026-11). Messages come in the connected user's
language, so only codes decide.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from crmwire.errors import Failure, NeedsLogin, NeedsReview, NotAllowed, Rejected, RetryLater


@frozen
class Rule:
    """What a code means; with `pause` the whole lane waits."""

    failure: type[Failure]
    remedy: str = ""
    pause: bool = False
    after: float | None = None


_CONNECT = (
    "Log in again. If a new login is refused at once too, let the app's policies relax IP "
    "restrictions, and see that its scopes hold `api` and that the user is active."
)
_API = "In Setup, give the user's profile or a permission set the permission `API Enabled`."
_EDITION = (
    "The org's edition has no API (Enterprise, Unlimited, Performance and Developer have it, "
    "Professional for a fee), or the user's profile lacks `API Enabled`."
)
_WAIT = "Nothing to do: it is tried again. If it stays so, see status.salesforce.com."
_REPORT = "Report this to the plugin's authors, with the code and the request id."
_LOCK = "Nothing to do: it is tried again. If it stays so, let fewer programs write at once."
_QUOTA = "Raise the org's API limit or use fewer integrations; the queue keeps the work."
_FLS = (
    "The field is missing or hidden by field-level security: in Setup, Object Manager, Fields, "
    "create it, or give the user's profile read and edit access to it."
)
_OBJECT = (
    "In Setup, give the user's profile or a permission set Create and Edit on the object, and "
    "see that sharing rules let the user edit the record."
)
_TRIGGER = "An automation of the org refused the record: show the whole text to its owner."
ALERTS = (
    "A duplicate rule that only alerts refused it: choose the record that is meant, or set "
    '`duplicate_rule = "allow_save"` (save it all the same) or `"use_match"` (use the record that '
    "was found) in the mapping's [crm]."
)
BLOCKS = (
    "A duplicate rule that blocks refused it: choose the record that is meant, set "
    '`duplicate_rule = "use_match"` in the mapping\'s [crm], or in Setup, Duplicate Rules, let the '
    "rule alert or leave out the connected user."
)
_HALTED = "Look for the error of the other record in the same request."

TABLE: Mapping[str, Rule] = {
    # ---------------------------------------------------------- who we are
    "INVALID_SESSION_ID": Rule(NeedsLogin, _CONNECT),
    "INVALID_AUTH_HEADER": Rule(NeedsLogin, _CONNECT),
    "Bad_OAuth_Token": Rule(NeedsLogin, _CONNECT),
    "Missing_OAuth_Token": Rule(NeedsLogin, _CONNECT),
    "API_DISABLED_FOR_ORG": Rule(NotAllowed, _EDITION),
    "API_CURRENTLY_DISABLED": Rule(NotAllowed, _API),
    "FUNCTIONALITY_NOT_ENABLED": Rule(
        NotAllowed, "The org's edition lacks this, or it is switched off in Setup."
    ),
    "TXN_SECURITY_NO_ACCESS": Rule(
        NotAllowed, "A transaction security policy forbids it: exempt the connected user in Setup."
    ),
    "TXN_SECURITY_METERING_ERROR": Rule(
        RetryLater, "A transaction security policy could not be judged; it is tried again."
    ),
    # ---------------------------------------------------------- not now
    "REQUEST_LIMIT_EXCEEDED": Rule(RetryLater, _QUOTA, pause=True),
    "TOO_MANY_APEX_REQUESTS": Rule(RetryLater, _QUOTA, pause=True, after=60),
    "LIMIT_EXCEEDED": Rule(RetryLater, _QUOTA),
    "STORAGE_LIMIT_EXCEEDED": Rule(
        RetryLater, "Free data storage in Setup, Storage Usage.", pause=True, after=3600
    ),
    "SERVER_UNAVAILABLE": Rule(RetryLater, _WAIT, pause=True),
    "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE": Rule(
        RetryLater, "Salesforce is in read-only mode for maintenance.", pause=True, after=300
    ),
    "UNKNOWN_EXCEPTION": Rule(
        RetryLater, "If it stays so, give the ErrorId to Salesforce's support."
    ),
    "UNABLE_TO_LOCK_ROW": Rule(RetryLater, _LOCK),
    "QUERY_TIMEOUT": Rule(RetryLater, "The look-up took too long; it is tried again."),
    "PROCESSING_HALTED": Rule(RetryLater, _HALTED),
    "BATCH_PROCESSING_HALTED": Rule(RetryLater, _HALTED),
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": Rule(RetryLater, _HALTED),
    # ---------------------------------------------------------- the data
    "REQUIRED_FIELD_MISSING": Rule(
        Rejected, "Add the named fields to the mapping, or give them a default in Setup."
    ),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": Rule(
        Rejected,
        "A validation rule refused it: in Setup, Object Manager, Validation Rules, exempt the "
        "connected user, or fill the field that the rule asks for in the mapping.",
    ),
    "FIELD_INTEGRITY_EXCEPTION": Rule(
        Rejected,
        "Mend the named field in the mapping: its value does not go with the others. An event of "
        "more than a day needs `Enable Multiday Events` in Setup, Activity Settings, and none "
        "lasts longer than 14 days.",
    ),
    "FIELD_FILTER_VALIDATION_EXCEPTION": Rule(
        Rejected, "Relax the lookup filter of the named field in Setup, or map another value."
    ),
    "STRING_TOO_LONG": Rule(
        Rejected, "Let the mapping's row say `cut = true`, or make the field longer in Setup."
    ),
    "INVALID_EMAIL_ADDRESS": Rule(
        Rejected, "Correct the address in the booking, or add the person in Salesforce by hand."
    ),
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Rule(
        Rejected,
        "Add the value to the picklist in Setup (and to the record type), or map another value.",
    ),
    "NUMBER_OUTSIDE_VALID_RANGE": Rule(Rejected, "Map a value that fits the named field."),
    "JSON_PARSER_ERROR": Rule(Rejected, "Map a value of the field's type: a date, a number."),
    "INVALID_FIELD": Rule(Rejected, _FLS),
    "INVALID_FIELD_FOR_INSERT_UPDATE": Rule(
        Rejected,
        "Give the user's profile edit access to the named fields, or take them out of the "
        "mapping: some can never be written.",
    ),
    "INVALID_TYPE": Rule(
        Rejected, "The object does not exist, or the user's profile has no access to it."
    ),
    "NOT_FOUND": Rule(
        Rejected, "The record or object is gone, or the connected user may not see it."
    ),
    "ENTITY_IS_DELETED": Rule(
        Rejected, "The record lies in the recycle bin: restore it there and retry."
    ),
    "ENTITY_IS_LOCKED": Rule(Rejected, "An approval process holds the record; finish it, retry."),
    "INVALID_CROSS_REFERENCE_KEY": Rule(
        Rejected,
        "A record that this one refers to is gone, or its record type is not given to the "
        "user's profile.",
    ),
    "MALFORMED_ID": Rule(Rejected, "Correct the record id in the mapping or in the booking."),
    "CANNOT_UPDATE_CONVERTED_LEAD": Rule(
        Rejected, "The lead was converted: retry, and its contact is used."
    ),
    "INACTIVE_OWNER_OR_USER": Rule(
        Rejected,
        "Activate the owner, map another one, or give the connected user the permission "
        "`Update Records with Inactive Owners`.",
    ),
    "OP_WITH_INVALID_USER_TYPE_EXCEPTION": Rule(
        Rejected, "The owner has a licence that cannot own this: map another owner."
    ),
    "INVALID_PERSON_ACCOUNT_OPERATION": Rule(
        Rejected, "The contact belongs to a person account: its fields are written there."
    ),
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": Rule(Rejected, _TRIGGER),
    "CANNOT_EXECUTE_FLOW_TRIGGER": Rule(Rejected, _TRIGGER),
    "DUPLICATE_DEVELOPER_NAME": Rule(
        Rejected, "Nothing to do: `crmwire setup` takes a field that is there already as made."
    ),
    # ---------------------------------------------------------- which record
    "DUPLICATES_DETECTED": Rule(
        NeedsReview,
        "A duplicate rule refused it: choose the record that is meant, or in Setup, Duplicate "
        'Rules, set the rule to Alert and `duplicate_rule = "allow_save"` in the mapping.',
    ),
    "DUPLICATE_VALUE": Rule(
        NeedsReview,
        "Another record has this value in a unique field: choose it if it is the one that is "
        "meant, or map another value.",
    ),
    "DUPLICATE_EXTERNAL_ID": Rule(
        NeedsReview, "Several records have this key: merge them, or make the field unique."
    ),
    # ---------------------------------------------------------- rights
    "INSUFFICIENT_ACCESS": Rule(NotAllowed, _OBJECT),
    "INSUFFICIENT_ACCESS_OR_READONLY": Rule(NotAllowed, _OBJECT),
    "INSUFFICIENT_PERMISSIONS": Rule(NotAllowed, _OBJECT),
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": Rule(
        NotAllowed,
        "The user lacks a right on a record that this one refers to (account, owner, campaign "
        "or record type): share it, or give the right.",
    ),
    # ---------------------------------------------------------- our own requests
    "OPERATION_TOO_LARGE": Rule(
        Rejected, "Give the connected user the permission `View All Data`, or archive old events."
    ),
    "QUERY_TOO_COMPLICATED": Rule(Rejected, _REPORT),
    "MALFORMED_QUERY": Rule(Rejected, _REPORT),
    "MALFORMED_SEARCH": Rule(Rejected, _REPORT),
    "INVALID_QUERY_FILTER_OPERATOR": Rule(Rejected, "Correct the record id in the mapping."),
    "INVALID_QUERY_LOCATOR": Rule(RetryLater, "The look-up was interrupted; it is tried again."),
    "MISSING_ARGUMENT": Rule(Rejected, _REPORT),
    "INVALID_ARGUMENT_TYPE": Rule(Rejected, _REPORT),
    "INVALID_INPUT": Rule(Rejected, _REPORT),
    "METHOD_NOT_ALLOWED": Rule(Rejected, _REPORT),
    "EXCEEDED_ID_LIMIT": Rule(Rejected, _REPORT),
    "UNSUPPORTED_API_VERSION": Rule(
        NotAllowed, "Set the connection's `api_version` to one the org offers, such as 62.0."
    ),
}
