"""From events to records: the ten steps, a batch at a time."""

from crmwire.pipeline.batches import Result, carry_out
from crmwire.pipeline.desk import Desk
from crmwire.pipeline.folding import Line
from crmwire.pipeline.planned import Planned
from crmwire.pipeline.planning import plan

__all__ = ["Desk", "Line", "Planned", "Result", "carry_out", "plan"]
