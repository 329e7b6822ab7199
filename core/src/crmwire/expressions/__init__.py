"""Expressions in mappings: Jinja's syntax, a small allow-list of it, bounded, compiled once.

`{{ guest.email }}` standing alone keeps the type of its value; among other text it becomes text.
An expression sees plain data only (see `plain`): a dot reads a key of a mapping and never a
Python attribute, nothing can be called, and filters are the only functions (`crmwire.filters`).
What is not allowed is refused when the mapping is loaded; what fails later says where and why.
"""

from crmwire.expressions.bounds import MAX_DEPTH, MAX_RESULT
from crmwire.expressions.compiling import Expression, compile_expression
from crmwire.expressions.errors import ExpressionError
from crmwire.expressions.values import VARIABLES, plain
from crmwire.filters import Filter

__all__ = [
    "MAX_DEPTH",
    "MAX_RESULT",
    "VARIABLES",
    "Expression",
    "ExpressionError",
    "Filter",
    "compile_expression",
    "plain",
]
