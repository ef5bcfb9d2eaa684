"""Where outgoing HTTP may go: only to public addresses, unless the installation allows more.

Asked when an address is stored and again when it is dialled: the caller then connects to the very addresses that
`addresses` returned and resolves nothing a second time. The calls themselves are left to `channels`.
"""

import asyncio
import re
import socket
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import NamedTuple
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
# The addresses of a host, as texts. Raises OSError.
Resolve = Callable[[str, int], Awaitable[list[str]]]

SECONDS = 3.0  # that a name may take to resolve
NOT_PUBLIC = "The host must resolve to public addresses."
NOT_HTTP = "Not a valid URL."
NO_CREDENTIALS = "Credentials do not belong into a URL, which is shown; put them into a header."

# IANA's special-purpose registry, and 168.63.129.16: the metadata server of a cloud, on a public address.
_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        """0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
        192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4
        240.0.0.0/4""".split(),
    )
)
# Of IPv6 only global unicast is public, and of that not what hides another address (Teredo, 6to4) or is an example.
_GLOBAL_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(map(IPv6Network, "2001::/23 2001:db8::/32 2002::/16 3fff::/20".split()))
# An IPv4 address written as IPv6, and the one that a translator (NAT64) makes of it: what counts is the IPv4 address.
_CARRIERS = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))

_VARIABLE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
# Stands in for a variable while the address is taken apart; no host can contain it by itself.
_STAND_IN = "polus--variable"
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_NAME = re.compile(
    r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
)
_NUMBER = re.compile(r"[0-9a-fx.]+")


class Refused(ValueError):
    """An address that outgoing HTTP may not reach; the text says why, for people."""


class Unresolved(Refused):
    """A name that nobody can tell the address of, which may be different in a while."""


class Target(NamedTuple):
    """What of a URL decides where it leads. `host` is None when a variable of a template is part of it."""

    scheme: str
    host: str | None
    port: int


class Allowed:
    """What the installation lets outgoing HTTP reach besides public addresses: hosts, `*.` and a domain, networks."""

    def __init__(self, given: Sequence[str] = ()) -> None:
        self._hosts: set[str] = set()
        self._domains: list[str] = []
        self._networks: list[Network] = []
        for one in given:
            if one.startswith("*."):
                self._domains.append(one[1:])
            elif one[0].isdigit() or ":" in one or "/" in one:
                self._networks.append(ip_network(one, strict=False))
            else:
                self._hosts.add(one)

    def host(self, name: str) -> bool:
        """Whether the host is allowed whatever it resolves to."""
        return name in self._hosts or any(name.endswith(domain) for domain in self._domains)

    def address(self, address: Address) -> bool:
        """Whether the address may be reached: public, or in an allowed network."""
        inner = _inner(address)
        return public(address) or any(inner in network or address in network for network in self._networks)


def target(url: str) -> Target:
    """The scheme, host and port of an address that may hold variables; the host as `host_of` gives it. Raises Refused."""
    plain = _VARIABLE.sub(_STAND_IN, url.strip(" "))
    if _UNSAFE.search(plain):
        raise Refused(NOT_HTTP)
    try:
        parts = urlsplit(plain)
        port = parts.port
    except ValueError:
        raise Refused(NOT_HTTP) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise Refused(NOT_HTTP)
    if "@" in parts.netloc:
        raise Refused(NO_CREDENTIALS)
    port = port or (443 if parts.scheme == "https" else 80)
    variable = _STAND_IN in parts.hostname
    return Target(parts.scheme, None if variable else host_of(parts.hostname), port)


def host_of(written: str) -> str:
    """A host as it is compared and resolved: ASCII, lower case, without the final dot. Raises Refused.

    Other scripts' digits and dots are what browsers and resolvers take them for: `１２７。０．０．１` is 127.0.0.1.
    """
    name = unicodedata.normalize("NFKC", written).replace("\u3002", ".").lower()
    if ":" in name:
        try:
            return str(IPv6Address(name))
        except ValueError:
            raise Refused(NOT_HTTP) from None
    try:
        name = (name if name.isascii() else name.encode("idna").decode("ascii")).removesuffix(".")
    except UnicodeError:
        raise Refused(NOT_HTTP) from None
    if not _NAME.fullmatch(name):
        raise Refused(NOT_HTTP)
    return name


def literal(host: str) -> Address | None:
    """The address that a host is when it is no name, in all forms that resolvers take: `0x7f.1`, `2130706433`."""
    if ":" in host:
        return IPv6Address(host)
    if not _NUMBER.fullmatch(host):
        return None
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, IPv6Address) and any(address in carrier for carrier in _CARRIERS):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def public(address: Address) -> bool:
    """Whether the address is one of the public internet, and no metadata server."""
    if isinstance(address, IPv6Address) and address.scope_id:
        return False
    address = _inner(address)
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    return address in _GLOBAL_6 and not any(address in network for network in _NOT_PUBLIC_6)


async def resolve(host: str, port: int) -> list[str]:
    """The system's resolver, without holding up anything else. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[0]) for *_, place in found]


async def addresses(host: str, port: int, allowed: Allowed, resolver: Resolve = resolve) -> list[Address]:
    """The addresses at which the host may be dialled, at least one. Raises Refused.

    One address that is not public refuses the host whole: an answer that mixes both kinds is an attempt to get in.
    """
    given = literal(host)
    if given is not None:
        found = [given]
    else:
        try:
            async with asyncio.timeout(SECONDS):
                found = [ip_address(text) for text in await resolver(host, port)]
        except (OSError, TimeoutError):
            raise Unresolved(NOT_PUBLIC) from None
        except (UnicodeError, ValueError):
            raise Refused(NOT_PUBLIC) from None
    if not found or not (allowed.host(host) or all(map(allowed.address, found))):
        raise Refused(NOT_PUBLIC)
    return list(dict.fromkeys(found))


async def check(url: str, allowed: Allowed, resolver: Resolve = resolve) -> None:
    """Whether an address may be stored. Raises Refused.

    A host with a variable in it is known only when it is called, and an allowed one need not be there yet.
    """
    aim = target(url)
    if aim.host is not None and not allowed.host(aim.host):
        await addresses(aim.host, aim.port, allowed, resolver)
