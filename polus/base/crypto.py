"""Secrets: made, kept as hashes, compared in constant time."""

import secrets


def new_api_key() -> str:
    """64 hexadecimal characters."""
    return secrets.token_hex(32)
