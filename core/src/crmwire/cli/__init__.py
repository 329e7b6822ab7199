"""The command line. Whatever is heavy is imported inside the command that needs it."""

from crmwire.cli.commands import cli, main

__all__ = ["cli", "main"]
