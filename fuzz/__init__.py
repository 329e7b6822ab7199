"""Fuzzing: what nobody would send, in bulk, at each door of crmwire. See `python -m fuzz -h`."""
