"""The proof program: bookings through the real daemon, with faults, kills and a checker apart.

`script` draws what happens from a seed, `world` runs daemon and sandboxes as processes, `source`
sends the webhooks and logs what was acknowledged, `trouble` does the mischief, `rounds` is one run
of all of it. `model`, `seen`, `companies` and `checker` tell what is wrong, from the webhook log
and the sandboxes' own records alone: they import nothing of crmwire. `bugs` and `broken` break
crmwire on purpose, to see that the checker finds out.

Beside it: `races` lets the same people book at once, `daemons` measures two data folders on one
account, and `acknowledging` kills the daemon after each answer, with `power` also taking back what
was not synced; `forking` starts it quickly, `counting` makes their tables.
"""
