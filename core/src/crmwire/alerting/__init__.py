"""Alerts: what is wrong is told at once, then in digests, and when it works again.

Nothing here is told by whoever fails. A look at the store each second says what is wrong now;
what was told stands in the store too. So a restart or a kill neither repeats an alert nor loses
one, and a thousand failures of one kind are one trouble.
"""
