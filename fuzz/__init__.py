"""Fuzzing: what nobody would send, sent in bulk to each door of crmwire. See `python -m fuzz -h`."""
