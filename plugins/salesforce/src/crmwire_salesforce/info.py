"""What this plugin is and can do."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from crmwire.types import CrmInfo, ObjectType
from crmwire_salesforce.logins import LOGIN_HOST

API_VERSION = "62.0"


@frozen(kw_only=True)
class SalesforceMapping:
    """The mapping's `[crm]` table.

    `duplicate_rule`: what to do where the org's duplicate rules see a duplicate. `obey` lets
    them refuse the record, which is then held with the records that were found; `allow_save`
    saves it, where a rule only alerts (one that blocks refuses it all the same); `use_match`
    takes the record that was found, if it is only one, and leaves it as it is.

    `external_id`: a custom external-id field of activities, such as `Booking_Id__c`. Where the
    org has it, activities are written by it, so that no repetition can make a second one.

    `fallback_owner`: address of the user who owns new records where the mapping names no active
    one. `person_accounts`: people who are created become person accounts.

    `check_duplicate_rules`: whether `check` may ask for the object DuplicateRule, where the user
    cannot be told otherwise what the org's rules do.
    """

    duplicate_rule: Literal["obey", "allow_save", "use_match"] = "obey"
    external_id: str | None = None
    fallback_owner: str | None = None
    person_accounts: bool = False
    check_duplicate_rules: bool = True


# No `upsert` keys: an upsert by address needs the permission "View All Data", writes over every
# field and fails where two people share an address.
INFO = CrmInfo(
    key="salesforce",
    title="Salesforce",
    base_url=LOGIN_HOST,
    api_version=API_VERSION,
    host_suffixes=("salesforce.com",),
    object_types={
        "Contact": ObjectType(name="Contact", title="Contact", unique=("Email",)),
        "Lead": ObjectType(name="Lead", title="Lead", unique=("Email",)),
        "Account": ObjectType(name="Account", title="Account", unique=("Name", "Website")),
        "Event": ObjectType(name="Event", title="Event"),
        "Task": ObjectType(name="Task", title="Task"),
        "User": ObjectType(name="User", title="User", unique=("Email", "Username")),
    },
    mapping_class=SalesforceMapping,
    request_id_header="x-sfdc-request-id",
    batch=100,
)
