"""Mutation testing: crmwire with one small thing changed, which a test must notice.

See `python -m mutation -h`. Nothing on disk is changed: each mutant exists in one process only.
"""
