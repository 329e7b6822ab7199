"""Logging in to a CRM, and staying logged in: OAuth 2, refresh under a lease, revocation."""
