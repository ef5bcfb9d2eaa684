"""Logs: structured, without secrets."""

import sys


def access(method: str, path: str, status: int, seconds: float, request_id: str) -> None:
    """One line per request."""
    sys.stderr.write(f"{method} {path} {status} {seconds * 1000:.1f}ms {request_id}\n")
