"""SPF (RFC 7208): whether a domain lets this peer send mails in its name.

Blocking: it asks the DNS and belongs into a thread. Written here because the one library for it has been at rest since
2020 (docs/decisions/0061-dkim.md).
"""

import ipaddress
import re
import time
from collections.abc import Callable
from typing import Literal
from urllib.parse import quote

from polus.base.resolver import Resolver, Unanswered

Result = Literal["pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"]

MOST_LOOKUPS = 10
MOST_VOID = 2
MOST_HOSTS = 10
LONGEST_NAME = 253

_QUALIFIERS: dict[str, Result] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_MECHANISM = re.compile(r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?::([^\s]*?))?((?:/[0-9/]+)?)", re.I)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.IGNORECASE)
_MACRO = re.compile(r"%(?:\{([slodiphv])([0-9]{0,3})(r?)([-.+,/_=]*)\}|([%_-]))", re.IGNORECASE)
_WIDTHS = re.compile(r"(?:/([0-9]{1,2}))?(?://([0-9]{1,3}))?")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class _Broken(Exception):
    """The record cannot be evaluated: permerror."""


def check(resolver: Resolver, peer: str, helo: str, sender: str, until: float) -> tuple[Result, str]:
    """The result and the domain that it is about: that of the envelope's sender, or HELO's for an empty one.

    `until`: by `time.monotonic`; what is not known then is `temperror`.
    """
    local, _, domain = sender.rpartition("@")
    domain = (domain if sender else helo).strip().rstrip(".").lower()
    if not _is_domain(domain):
        return "none", domain
    address = ipaddress.ip_address(peer)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    asked = _Asked(resolver, address, local or "postmaster", domain, helo, until)
    try:
        return asked.domain(domain), domain
    except _Broken:
        return "permerror", domain
    except Unanswered:
        return "temperror", domain


def _is_domain(name: str) -> bool:
    return "." in name and len(name) <= LONGEST_NAME and name.isascii() and not set(name) & set(" []\\/:")


class _Asked:
    def __init__(
        self, resolver: Resolver, address: Address, local: str, sender: str, helo: str, until: float
    ) -> None:
        self._resolver, self._address, self._until = resolver, address, until
        self._local, self._sender, self._helo = local, sender, helo
        self._lookups = self._voids = 0
        self._checks: dict[str, Callable[[str, str, str], bool]] = {
            "all": lambda *_: True,
            "ip4": lambda _, value, width: self._network(value, width, 4),
            "ip6": lambda _, value, width: self._network(value, width, 6),
            "a": self._a,
            "mx": self._mx,
            "ptr": self._ptr,
            "exists": self._exists,
            "include": self._include,
        }

    def domain(self, name: str) -> Result:
        """What the record of a domain says of the peer."""
        texts = self._resolver.texts(name, self._until)
        records = [text for text in texts if re.match(r"v=spf1(?: |\Z)", text, re.IGNORECASE)]
        if len(records) > 1:
            raise _Broken
        if not records:
            return "none"
        redirect = ""
        for term in records[0].split()[1:]:
            found = _MECHANISM.fullmatch(term)
            if found:
                if self._checks[found[2].lower()](name, found[3] or "", found[4]):
                    return _QUALIFIERS[found[1] or "+"]
            elif modifier := _MODIFIER.fullmatch(term):
                redirect = modifier[2] if modifier[1].lower() == "redirect" else redirect
            else:
                raise _Broken
        if not redirect:
            return "neutral"
        self._count()
        result = self.domain(self._expanded(redirect, name))
        if result == "none":
            raise _Broken
        return result

    def _count(self) -> None:
        self._lookups += 1
        if self._lookups > MOST_LOOKUPS or time.monotonic() > self._until:
            raise _Broken if self._lookups > MOST_LOOKUPS else Unanswered

    def _void(self, found: list[str]) -> list[str]:
        self._voids += not found
        if self._voids > MOST_VOID:
            raise _Broken
        return found

    def _network(self, value: str, width: str, version: int) -> bool:
        try:
            network = ipaddress.ip_network(value + width, strict=False)
        except ValueError:
            raise _Broken from None
        if network.version != version:
            raise _Broken
        return self._address.version == version and self._address in network

    def _hosts(self, name: str, width: str) -> bool:
        """Whether the peer is at one of a name's addresses, as wide as the record says."""
        widths = _WIDTHS.fullmatch(width)
        given = widths and widths[1 if self._address.version == 4 else 2]
        bits = int(given) if given else self._address.max_prefixlen
        if not widths or bits > self._address.max_prefixlen:
            raise _Broken
        found = self._void(self._resolver.addresses(name, self._address.version, self._until))
        return any(self._address in ipaddress.ip_network(f"{one}/{bits}", strict=False) for one in found)

    def _a(self, domain: str, value: str, width: str) -> bool:
        self._count()
        return self._hosts(self._target(value, domain), width)

    def _mx(self, domain: str, value: str, width: str) -> bool:
        self._count()
        hosts = self._void(self._resolver.mail_hosts(self._target(value, domain), self._until))
        if len(hosts) > MOST_HOSTS:
            raise _Broken
        return any(self._hosts(host, width) for host in hosts)

    def _ptr(self, domain: str, value: str, width: str) -> bool:
        self._count()
        target = self._target(value, domain)
        try:
            names = self._resolver.names_of(str(self._address), self._until)[:MOST_HOSTS]
            mine = [name for name in names if ("." + name.lower()).endswith("." + target)]
            return any(
                str(self._address) in self._resolver.addresses(name, self._address.version, self._until)
                for name in mine
            )
        except Unanswered:
            return False

    def _exists(self, domain: str, value: str, width: str) -> bool:
        self._count()
        if not value or width:
            raise _Broken
        return bool(self._void(self._resolver.addresses(self._expanded(value, domain), 4, self._until)))

    def _include(self, domain: str, value: str, width: str) -> bool:
        self._count()
        if not value or width:
            raise _Broken
        result = self.domain(self._expanded(value, domain))
        if result in ("none", "permerror"):
            raise _Broken
        return result == "pass"

    def _target(self, value: str, domain: str) -> str:
        return self._expanded(value, domain) if value else domain

    def _expanded(self, spec: str, domain: str) -> str:
        """A domain-spec with its macros filled in, cut from the left to the length of a name."""

        def filled(found: re.Match[str]) -> str:
            if found[5]:
                return {"%": "%", "_": " ", "-": "%20"}[found[5]]
            letter = found[1]
            value = self._macro(letter.lower(), domain)
            parts = re.split("[" + re.escape(found[4] or ".") + "]", value)
            parts = parts[::-1] if found[3] else parts
            if found[2]:
                if int(found[2]) == 0:
                    raise _Broken
                parts = parts[-int(found[2]) :]
            joined = ".".join(parts)
            return quote(joined, safe="") if letter.isupper() else joined

        if "%" in _MACRO.sub("", spec):
            raise _Broken
        name = _MACRO.sub(filled, spec).rstrip(".").lower()
        while len(name) > LONGEST_NAME and "." in name:
            name = name.partition(".")[2]
        return name

    def _macro(self, letter: str, domain: str) -> str:
        v6 = self._address.version == 6
        dotted = ".".join(self._address.exploded.replace(":", "")) if v6 else str(self._address)
        return {
            "s": f"{self._local}@{self._sender}",
            "l": self._local,
            "o": self._sender,
            "d": domain,
            "i": dotted,
            "p": "unknown",
            "v": "ip6" if v6 else "in-addr",
            "h": self._helo or "unknown",
        }[letter]
