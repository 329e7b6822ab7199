"""Core's own answers: the plugin that is always there and is asked last."""

from __future__ import annotations
