"""Secrets: made, kept as hashes, compared in constant time, sealed for the database, and values signed for a while.

Random secrets are stored as SHA-256; only passwords, which people choose, need the slow argon2id.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from polus.base import clock

LONGEST_PASSWORD = 1024  # characters

# OWASP's parameters: 19 MiB, two passes, one lane; about 50 ms.
_ARGON = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# What an unknown user's password is compared with, so that the answer takes as long; nobody knows its word.
_NOBODYS = _ARGON.hash(secrets.token_hex(32))
# Two at a time: a storm of log-ins must take neither all cores nor all of the common threads.
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


def new_api_key() -> str:
    """64 hexadecimal characters."""
    return secrets.token_hex(32)


def new_token() -> str:
    """43 characters safe in cookies and addresses, 256 random bits: sessions, invitations, resets."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """The 32 bytes under which a random key or token is stored and found."""
    return hashlib.sha256(secret.encode()).digest()


def equal(one: str | bytes, other: str | bytes) -> bool:
    """Comparison whose time tells nothing about where they differ."""
    return hmac.compare_digest(_bytes(one), _bytes(other))


async def hash_password(password: str) -> str:
    """The argon2id hash to store. ValueError when the password is longer than LONGEST_PASSWORD."""
    if len(password) > LONGEST_PASSWORD:
        raise ValueError("password too long")
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _ARGON.hash, password)


async def verify_password(stored: str | None, password: str) -> bool:
    """Whether it is the password; None stands for a user that does not exist or has none: slowly False."""
    if len(password) > LONGEST_PASSWORD:
        return False
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _verify, stored, password)


def _verify(stored: str | None, password: str) -> bool:
    try:
        return _ARGON.verify(stored or _NOBODYS, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with other parameters: hash the password anew at the next log-in."""
    return _ARGON.check_needs_rehash(stored)


def derived(secret_key: str, purpose: str) -> str:
    """A secret for one purpose, the same every time: 64 hexadecimal characters."""
    return hmac.digest(secret_key.encode(), f"polus/{purpose}".encode(), "sha256").hex()


def make_secret_key(path: Path) -> None:
    """Write a new installation's secret into a file; of two processes that do so at once one wins."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(fd)
    try:
        # A link, unlike a rename, never replaces the key that another process has just made.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


class Signer:
    """Signs values that outsiders carry for us: links, cookies. Purposes cannot be mixed up."""

    def __init__(self, secret_key: str, purpose: str) -> None:
        # One HMAC is HKDF's extract-and-expand for a single block of key that is random already.
        self._key = hmac.digest(secret_key.encode(), f"polus/{purpose}".encode(), "sha256")

    def sign(self, value: str, seconds: int) -> str:
        """A token, safe in addresses, that `read` turns back into the value for so many seconds."""
        until = int(clock.now().timestamp()) + seconds
        body = f"{until}:{value}".encode()
        return f"{_packed(body)}.{_packed(self._mac(body))}"

    def read(self, token: str) -> str | None:
        """The value, None when the token is not ours, was changed or is over."""
        body_part, _, mac_part = token.partition(".")
        try:
            body, mac = _unpacked(body_part), _unpacked(mac_part)
        except (binascii.Error, UnicodeEncodeError):
            return None
        if not hmac.compare_digest(mac, self._mac(body)):
            return None
        until, _, value = body.decode().partition(":")
        return value if clock.now().timestamp() < int(until) else None

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")


class Vault:
    """Seals other systems' secrets, which we must be able to send, before they are stored: AES-256-GCM.

    The key follows from the installation's secret: a copy of the database alone tells nothing. `place` says where a
    sealed text belongs; it opens nowhere else.
    """

    def __init__(self, secret_key: str) -> None:
        self._cipher = AESGCM(hmac.digest(secret_key.encode(), b"polus/vault", "sha256"))

    def seal(self, text: str, place: str) -> str:
        """The text as it is stored; different each time."""
        nonce = secrets.token_bytes(12)
        return _SEAL + _packed(nonce + self._cipher.encrypt(nonce, text.encode(), place.encode()))

    def open(self, sealed: str, place: str) -> str:
        """The text again. ValueError when it was sealed for elsewhere or with another secret."""
        try:
            data = _unpacked(sealed.removeprefix(_SEAL))
            return self._cipher.decrypt(data[:12], data[12:], place.encode()).decode()
        except (InvalidTag, binascii.Error, UnicodeError, ValueError):
            raise ValueError("sealed with another secret key") from None


_SEAL = "sealed:1:"


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes:
    """Strict: no other text means the same bytes, so a token has one form only."""
    data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _packed(data) != text:
        raise binascii.Error("not the canonical form")
    return data
