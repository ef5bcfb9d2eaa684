"""The DKIM signatures of a mail that came in, verified by dkimpy with our own resolver and within bounds.

Blocking: it belongs into a thread. What no honest mail has (huge keys, endless headers, oceans of blanks, which cost the
library quadratic time) is not verified at all.
"""

import re

import dkim
import msgspec

from polus.base.resolver import Resolver, Unanswered

MOST_SIGNATURES = 5
MOST_BYTES = 30 * 1024 * 1024
MOST_FIELDS = 2_000
LONGEST_SIGNATURE = 8_192
LONGEST_KEY = 2_000
"""Characters of a key record; one of 4096 bits has 740."""

MOST_BLANK_WORK = 20_000_000
WEAKEST = 1024  # bits

_BLANKS = re.compile(rb"[\t ]{50,}+")
_ALGORITHMS = (b"rsa-sha256", b"ed25519-sha256")


class Verified(msgspec.Struct, frozen=True):
    """One signature: `result` as in RFC 8601, `domain` and `selector` as it says; `reason` for people who look closer."""

    result: str
    domain: str
    selector: str = ""
    reason: str = ""


def check(resolver: Resolver, raw: bytes, until: float) -> list[Verified]:
    """The first signatures of the mail, in their order; empty when there is none."""
    head = re.split(rb"\r?\n\r?\n", raw[:1_048_576], maxsplit=1)[0]
    fields = len(re.findall(rb"^[!-9;-~]+[ \t]*:", head, re.MULTILINE))
    if not re.search(rb"^dkim-signature[ \t]*:", head, re.IGNORECASE | re.MULTILINE):
        return []
    blanks = sum(len(run[0]) ** 2 for run in _BLANKS.finditer(raw))
    if len(raw) > MOST_BYTES or fields > MOST_FIELDS or blanks > MOST_BLANK_WORK:
        return [Verified("neutral", "", reason="too large to be verified")]
    try:
        verifier = dkim.DKIM(raw, minkey=WEAKEST)
    except dkim.DKIMException as error:
        return [Verified("permerror", "", reason=str(error)[:200])]
    signed = [value for name, value in verifier.headers if name.lower() == b"dkim-signature"]
    return [
        _one(resolver, raw, place, signed[place], until) for place in range(min(len(signed), MOST_SIGNATURES))
    ]


def _one(resolver: Resolver, raw: bytes, place: int, field: bytes, until: float) -> Verified:
    if len(field) > LONGEST_SIGNATURE:
        return Verified("neutral", "", reason="the signature is too long")
    unanswered: list[bool] = []

    def key(name: bytes, timeout: int = 0) -> bytes | None:
        try:
            found = resolver.texts(name.decode("ascii").rstrip("."), until)
        except UnicodeDecodeError:
            return None
        except Unanswered:
            unanswered.append(True)
            return None
        return found[0].encode("latin-1") if found and len(found[0]) <= LONGEST_KEY else None

    verifier = dkim.DKIM(raw, minkey=WEAKEST)
    try:
        good, reason = verifier.verify(place, dnsfunc=key), ""
    except Exception as error:  # noqa: BLE001 - whatever a hostile signature makes of the library, it is no pass
        good, reason = False, f"{type(error).__name__}: {error}"[:200]
    tags = getattr(verifier, "signature_fields", None) or {}
    domain, selector = _text(tags.get(b"d")), _text(tags.get(b"s"))
    if unanswered:
        return Verified("temperror", domain, selector, "the key could not be looked up")
    if tags.get(b"a", b"rsa-sha256") not in _ALGORITHMS:
        return Verified("neutral", domain, selector, "an algorithm that nobody should use")
    if good and b"l" in tags:
        # Anything may have been added behind what is signed.
        return Verified("policy", domain, selector, "only a part of the text is signed")
    if "nacl" in reason.lower() or (not good and tags.get(b"a") == b"ed25519-sha256"):
        return Verified("neutral", domain, selector, "an algorithm that is not verified here")
    return Verified("pass" if good else "fail", domain, selector, reason)


def _text(value: bytes | None) -> str:
    return (value or b"").decode("ascii", "replace").strip().lower()[:253]
