"""What speaks for the sender of a mail: SPF, DKIM and DMARC, looked up by us or told by a server that is trusted.

The result is a plain value for the message's `meta`; what it means for people is said where it is shown.
"""

import ipaddress
import re
import time
from collections.abc import Collection
from typing import Any

import msgspec

from polus.base.resolver import Resolver, Unanswered
from polus.channels.email import dkim_checks, dmarc, spf
from polus.channels.email.mails import Mail

PATIENCE = 6.0  # seconds for all questions of one mail
OURSELVES = "polus"
UNCHECKED = "unchecked"
MOST_TOLD = 10

_RESULTS = frozenset(
    "pass fail softfail neutral none temperror permerror policy bestguesspass hardfail".split()
)
_METHOD = re.compile(r"(spf|dkim|dmarc)(?:/[0-9]+)?\s*=\s*([a-z]+)", re.IGNORECASE)
_PROPERTY = re.compile(r"(?:smtp|header|policy)\.([a-z-]+)\s*=\s*\"?([^\s;\"]{1,253})", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()]*\)")


class Brought(msgspec.Struct, frozen=True):
    """Who delivered a mail to us: his address and what he called himself, and the envelope's sender."""

    peer: str | None
    helo: str
    sender: str


def told(mail: Mail, trusted: Collection[str]) -> dict[str, Any] | None:
    """What the newest `Authentication-Results` of a trusted server say; None without one."""
    found: dict[str, Any] = {}
    for line in mail.header("authentication-results").split("\n"):
        said = _COMMENT.sub(" ", _COMMENT.sub(" ", line))
        server, _, rest = said.partition(";")
        name = (server.split() or [""])[0].strip('"').lower()
        # Those of another trusted server below the first one are older; who sent the mail may have written them.
        if name in trusted and found.get("by", name) == name:
            found["by"] = name
            _read(rest, found)
    return found if len(found) > 1 else None


def _read(rest: str, found: dict[str, Any]) -> None:
    """Add what one header says; methods that a newer one told stay."""
    before = set(found)
    for part in rest.split(";"):
        method = _METHOD.search(part)
        if not method or method[2].lower() not in _RESULTS:
            continue
        name, result = method[1].lower(), method[2].lower()
        if name in before:
            continue
        properties = {key.lower(): value.lower() for key, value in _PROPERTY.findall(part)}
        one = {"result": {"bestguesspass": "neutral", "hardfail": "fail"}.get(result, result)}
        one["domain"] = _domain(
            properties.get("d") or properties.get("i") or properties.get("mailfrom")
            or properties.get("helo") or properties.get("from") or ""
        )  # fmt: skip
        if name == "dkim":
            found.setdefault("dkim", [])
            found["dkim"] = [*found["dkim"], one][:MOST_TOLD]
        else:
            found.setdefault(name, one)


def _domain(value: str) -> str:
    return value.rpartition("@")[2].strip("<>.")


def is_checkable(raw: bytes, brought: Brought) -> bool:
    """Whether there is anything to look up: a signature, or a peer that SPF can speak of."""
    return _public(brought.peer) or b"dkim-signature:" in raw[:262_144].lower()


def check(resolver: Resolver, raw: bytes, mail: Mail, brought: Brought) -> dict[str, Any]:
    """Look it all up. Blocking, for at most PATIENCE seconds; what is not known by then is `temperror`."""
    until = time.monotonic() + PATIENCE
    found: dict[str, Any] = {"by": OURSELVES}
    signatures = dkim_checks.check(resolver, raw, until)
    found["dkim"] = [
        {name: value for name, value in msgspec.structs.asdict(one).items() if value} for one in signatures
    ]
    if _public(brought.peer) and brought.peer:
        result, domain = spf.check(resolver, brought.peer, brought.helo, brought.sender, until)
        found["spf"] = {"result": result, "domain": domain}
    else:
        found["spf"] = {"result": UNCHECKED, "domain": ""}
    found["dmarc"] = _dmarc(resolver, mail, found, until)
    return found


def _dmarc(resolver: Resolver, mail: Mail, found: dict[str, Any], until: float) -> dict[str, str]:
    author = mail.from_.key.rpartition("@")[2] if mail.from_ else ""
    if "." not in author or not author.isascii():
        return {"result": "none", "domain": author}
    passed = [one["domain"] for one in found["dkim"] if one["result"] == "pass"]
    by_spf = found["spf"]["domain"] if found["spf"]["result"] == "pass" else ""
    try:
        judged = dmarc.judge(resolver, author, by_spf, passed, until)
    except Unanswered:
        return {"result": "temperror", "domain": author}
    result = judged.result
    states = [found["spf"]["result"], *(one["result"] for one in found["dkim"])]
    if result == "fail" and "temperror" in states:
        result = "temperror"
    elif result == "fail" and UNCHECKED in states:
        # Half of the evidence is missing.
        result = UNCHECKED
    return {"result": result, "domain": author} | ({"policy": judged.asks} if judged.asks else {})


def _public(peer: str | None) -> bool:
    try:
        return peer is not None and ipaddress.ip_address(peer).is_global
    except ValueError:
        return False
