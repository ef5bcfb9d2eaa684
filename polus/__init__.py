"""Polus: a self-hosted helpdesk for shops."""

__version__ = "0.1.0"
