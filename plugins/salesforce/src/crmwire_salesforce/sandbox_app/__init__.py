"""A sandbox of Salesforce's REST API, in memory.

What it shows is taken from the documentation and from recorded exchanges; where the live
service's behaviour is not known, a comment begins with "Guess:".
"""

from crmwire_salesforce.sandbox_app.app import SalesforceSandbox

__all__ = ["SalesforceSandbox"]
