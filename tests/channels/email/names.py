"""A DNS server on loopback that says what the test wants, and the resolver that asks it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from polus.base.resolver import Resolver


@dataclass
class Zone(asyncio.DatagramProtocol):
    """`records`: (name, type) → texts of records. `silent`: names that get no answer. `asked`: what was asked for."""

    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""
    _transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.address = "127.0.0.1:" + str(transport.get_extra_info("sockname")[1])

    def text(self, name: str, said: str) -> None:
        """A TXT record, in pieces of 255 as the DNS has them."""
        pieces = [said[at : at + 255] for at in range(0, len(said), 255)]
        told = " ".join('"' + piece.replace('"', '\\"').replace(";", "\\;") + '"' for piece in pieces)
        self.records.setdefault((name, "TXT"), []).append(told)

    def datagram_received(self, data: bytes, peer: Any) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if found := self.records.get((name, kind)):
            answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, found))
        elif not any(known == name for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(answer.to_wire(max_size=4096), peer)


@asynccontextmanager
async def serving() -> AsyncIterator[Zone]:
    """A server for the time of a block."""
    transport, zone = await asyncio.get_running_loop().create_datagram_endpoint(
        Zone, local_addr=("127.0.0.1", 0)
    )
    yield zone
    transport.close()


def resolver(zone: Zone) -> Resolver:
    return Resolver([zone.address])
