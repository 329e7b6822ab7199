"""Sources that core brings itself: any tool's webhooks, and calendars. Plugins like all others."""
