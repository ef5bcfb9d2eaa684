"""Mail comes in: who may deliver how much, and for whom. An accepted mail is in the journal before 250 is said.

Meant to stand behind the MX of the helpdesk's addresses or behind a mail server that relays to it: it takes mail for
its own addresses only and never passes anything on. Limits count within one process.
"""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import structlog

from polus.base.settings import Misconfigured
from polus.channels.email import journal, smtp
from polus.channels.email.journal import Mailbox
from polus.store.database import Database
from polus.store.pool import AWAY

SIZE = 30 * 1024 * 1024  # bytes of one mail
MEMORY = 160 * 1024 * 1024  # bytes of all mails that are on their way in
CONNECTIONS = 200
PEER_CONNECTIONS = 50
RECIPIENTS = 100  # of one mail, RFC 5321's least
PEER_MAILS = 100.0  # a second; a relay in front of us is one peer
PEER_BURST = 2_000.0
UNKNOWN = 20.0  # unknown recipients a peer may try; forgotten at one every ten seconds
UNKNOWN_FORGOTTEN = 0.1
MOST_PEERS = 10_000

TRY_LATER = "451 4.3.0 The helpdesk cannot take mail right now; try again later"

log = structlog.get_logger(__name__)


class Buckets:
    """Leaky buckets by peer: `add` says whether there was room."""

    def __init__(self, size: float, leak: float) -> None:
        self._size = size
        self._leak = leak
        self._levels: dict[str, tuple[float, float]] = {}

    def add(self, peer: str, amount: float = 1.0) -> bool:
        """Put something in; False when it would overflow."""
        level = self.level(peer) + amount
        if level > self._size:
            return False
        if len(self._levels) >= MOST_PEERS:
            self._levels = {one: kept for one, kept in self._levels.items() if self.level(one) > 0}
        if len(self._levels) >= MOST_PEERS:
            self._levels.clear()
        self._levels[peer] = (level, time.monotonic())
        return True

    def level(self, peer: str) -> float:
        """What is in it now."""
        level, since = self._levels.get(peer, (0.0, 0.0))
        return max(0.0, level - (time.monotonic() - since) * self._leak)


class Listener:
    """The policy behind every SMTP connection of this process, and the sockets it listens on."""

    def __init__(
        self, database: Database, host: str, *, tls: ssl.SSLContext | None = None, size: int = SIZE
    ) -> None:
        self._database = database
        self._host = host
        self._tls = tls
        self._size = size
        self._peers: Counter[str] = Counter()
        self._held = 0
        self._mails = Buckets(PEER_BURST, PEER_MAILS)
        self._unknown = Buckets(UNKNOWN, UNKNOWN_FORGOTTEN)
        self._servers: list[asyncio.Server] = []
        self._taking: set[asyncio.Task[None] | asyncio.Future[str]] = set()
        self.taken = 0

    async def open(self, sockets: Sequence[socket.socket]) -> None:
        """Listen on bound sockets."""
        loop = asyncio.get_running_loop()
        for bound in sockets:
            self._servers.append(await loop.create_server(self._conversation, sock=bound, start_serving=True))

    @property
    def listens(self) -> bool:
        """Whether mail is taken at all."""
        return bool(self._servers) and all(server.is_serving() for server in self._servers)

    async def close(self) -> None:
        """Take no more connections; mails whose end has arrived are still journalled and answered."""
        for server in self._servers:
            server.close()
        if self._taking:
            await asyncio.wait(self._taking, timeout=10)
            await asyncio.sleep(0)  # the conversation sends its reply

    def _conversation(self) -> smtp.Conversation:
        return smtp.Conversation(self, self._host, self._size, self._tls)

    def admit(self, peer: str) -> str:
        """421 when there are too many connections, of this peer or altogether."""
        peer = _network(peer)
        if self._peers.total() >= CONNECTIONS or self._peers[peer] >= PEER_CONNECTIONS:
            return "421 4.7.0 " + self._host + " Too many connections; try again later"
        self._peers[peer] += 1
        return ""

    def leave(self, peer: str) -> None:
        """Count a connection out."""
        peer = _network(peer)
        self._peers[peer] -= 1
        if not self._peers[peer]:
            del self._peers[peer]

    def room(self, size: int) -> bool:
        """Memory of mails on their way in."""
        if size > 0 and self._held + size > MEMORY:
            return False
        self._held += size
        return True

    async def recipient(self, peer: str, address: str, so_far: int) -> str:
        """550 for an address that is none of ours; nobody may try many of them."""
        peer = _network(peer)
        if so_far >= RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        if self._unknown.level(peer) > UNKNOWN - 1:
            return "421 4.7.0 Too many unknown recipients; try again later"
        try:
            found = await journal.mailbox(self._database, address)
        except AWAY:
            return TRY_LATER
        if found is None:
            self._unknown.add(peer)
            return "550 5.1.1 There is no such mailbox here"
        return ""

    async def mail(self, peer: str, sender: str, recipients: list[str], raw: bytes, helo: str = "") -> str:
        """Journal the mail. Shielded: a client that hangs up now does not undo it."""
        if not self._mails.add(_network(peer)):
            return "450 4.7.1 Too many mails at once; try again later"
        taking = asyncio.ensure_future(self._take(peer, helo, sender, recipients, raw))
        self._taking.add(taking)
        taking.add_done_callback(self._taking.discard)
        return await asyncio.shield(taking)

    async def _take(self, peer: str, helo: str, sender: str, recipients: list[str], raw: bytes) -> str:
        try:
            boxes: list[tuple[str, Mailbox]] = []
            for address in recipients:
                box = await journal.mailbox(self._database, address)
                if box is not None:
                    boxes.append((address, box))
            if not boxes:
                return "550 5.1.1 There is no such mailbox here any more"
            rows = await journal.write(self._database, sender, boxes, raw, peer=peer, helo=helo)
        except AWAY as error:
            log.warning("mail was put off", error=repr(error))
            return TRY_LATER
        self.taken += 1
        return "250 2.0.0 Kept as " + " ".join(str(row) for _, row in rows)


def tls_context(cert: Path, key: Path) -> ssl.SSLContext:
    """For STARTTLS and HTTPS: TLS 1.2 or newer. Raises Misconfigured when the files do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            "tls-unusable",
            f"The certificate {cert} and the key {key} cannot be used: {error}.",
            "Give a PEM certificate chain and its unencrypted private key.",
        ) from error
    return context


def _network(peer: str) -> str:
    """Whom limits are counted for: an IPv4 address, or the /64 that one IPv6 customer usually has."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if address.version == 4:
        return peer
    return str(ipaddress.ip_network((int(address), 64), strict=False))
