"""Servers of an exported model for editors and other clients; `python -m completion.server`."""
