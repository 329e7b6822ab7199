"""The values that cross the hooks: frozen, keyword-only, without behaviour of their own."""

from __future__ import annotations

from crmwire.types.crms import ConnectionReport, CrmInfo, FieldInfo, Finding, ObjectType, SetupStep
from crmwire.types.drafts import Draft, DraftField, DraftValue, RecordRef, UserRef, WritePolicy
from crmwire.types.events import Delivery, DeliveryChange, Event, Link, Subject, SubjectStatus
from crmwire.types.limits import Limit, LimitState
from crmwire.types.logins import AuthScheme, Grant, OAuth2
from crmwire.types.records import Candidates, FieldChange, Key, Match, Query, Record
from crmwire.types.sources import Chunk, Feed, FeedApi, SignatureScheme, SourceInfo, WebhookRequest
from crmwire.types.values import Json, Ref, Value
from crmwire.types.writes import About, Write, Written

__all__ = [
    "About",
    "AuthScheme",
    "Candidates",
    "Chunk",
    "ConnectionReport",
    "CrmInfo",
    "Delivery",
    "DeliveryChange",
    "Draft",
    "DraftField",
    "DraftValue",
    "Event",
    "Feed",
    "FeedApi",
    "FieldChange",
    "FieldInfo",
    "Finding",
    "Grant",
    "Json",
    "Key",
    "Limit",
    "LimitState",
    "Link",
    "Match",
    "OAuth2",
    "ObjectType",
    "Query",
    "Record",
    "RecordRef",
    "Ref",
    "SetupStep",
    "SignatureScheme",
    "SourceInfo",
    "Subject",
    "SubjectStatus",
    "UserRef",
    "Value",
    "WebhookRequest",
    "Write",
    "WritePolicy",
    "Written",
]
