"""Six-digit codes of authenticator apps (RFC 6238: SHA-1, 30 seconds). Who may try how often is left to others."""

import base64
import binascii
import datetime
import hmac
import re

STEP = 30  # seconds
# A phone's clock may be half a minute off, and typing takes a while.
WINDOW = 1
CODE = re.compile(r"[0-9]{6}")


def code(secret: str, step: int) -> str:
    """The code of one time step. `secret` is base32, with or without padding."""
    key = base64.b32decode(secret.upper() + "=" * (-len(secret) % 8))
    mac = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    start = mac[-1] & 15
    number = int.from_bytes(mac[start : start + 4], "big") & 0x7FFFFFFF
    return str(number % 1_000_000).zfill(6)


def step(secret: str, given: str, now: datetime.datetime) -> int | None:
    """The time step whose code `given` is, near enough to `now`; None when it is none or the secret is broken."""
    given = given.replace(" ", "")
    if not CODE.fullmatch(given):
        return None
    here = int(now.timestamp()) // STEP
    try:
        found = [
            near
            for near in range(here - WINDOW, here + WINDOW + 1)
            if hmac.compare_digest(code(secret, near), given)
        ]
    except binascii.Error:
        return None
    return found[-1] if found else None
