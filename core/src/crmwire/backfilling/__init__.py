"""Backfill: past bookings, out of a source's list or a file, carried over one route."""

from crmwire.backfilling.past import FilePast, Past, SourcePast, past_of
from crmwire.backfilling.running import Backfill, Standing

__all__ = ["Backfill", "FilePast", "Past", "SourcePast", "Standing", "past_of"]
