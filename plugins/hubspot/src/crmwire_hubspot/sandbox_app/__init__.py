"""HubSpot's API as a sandbox: in memory, one account (portal) for each token.

Where the vendor's behaviour is not known, a comment says "Guess".
"""

from crmwire_hubspot.sandbox_app.app import HubSpotSandbox

__all__ = ["HubSpotSandbox"]
