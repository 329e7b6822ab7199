"""Mappings at work: from an event and its subject as known to the drafts of records.

What may stand in a mapping's document is in `crmwire.mapping_form`.
"""

from crmwire.mapping.actions import AGAIN, CREATING, ENDINGS
from crmwire.mapping.compiled import Mapping
from crmwire.mapping.loading import fingerprint, load_mapping, load_preset, with_rows

__all__ = [
    "AGAIN",
    "CREATING",
    "ENDINGS",
    "Mapping",
    "fingerprint",
    "load_mapping",
    "load_preset",
    "with_rows",
]
