"""A team's feeds, connections and routes as one TOML document: exported, compared, applied.

The store is the truth; a document is its import and export. Secrets never stand in it, only
references: `env:VARIABLE`, or `vault:feed/NAME` for what is stored already.
"""

from crmwire.documents.changes import Change, Comparison
from crmwire.documents.comparing import compared
from crmwire.documents.exporting import exported, route_table, teams, toml_text
from crmwire.documents.form import TeamDocument, parsed

__all__ = [
    "Change",
    "Comparison",
    "TeamDocument",
    "compared",
    "exported",
    "parsed",
    "route_table",
    "teams",
    "toml_text",
]
