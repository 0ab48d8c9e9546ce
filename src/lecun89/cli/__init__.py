"""The command line; nothing here computes."""

from lecun89.cli.app import app, main

__all__ = ["app", "main"]
