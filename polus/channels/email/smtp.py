"""SMTP as it is spoken: one connection's conversation, on aiosmtpd. What is allowed is left to `listener`.

aiosmtpd reads a mail line by line, refuses lines of more than 1,000 bytes, which real mails have, and keeps an endless
line in memory; so the mail itself is read here.
"""

import asyncio
import ssl
import time
from typing import Any, Protocol

from aiosmtpd import smtp

END = b"\r\n.\r\n"
SLICE = 256 * 1024  # bytes read at once
IDLE = 120.0  # seconds a client may say nothing
LONGEST = 900.0  # seconds one mail may take to arrive
# So often one connection may say them; a sender that has more to deliver connects again.
CALLS = {"NOOP": 100, "VRFY": 10, "EXPN": 10, "HELP": 10, "STARTTLS": 3, "EHLO": 50, "*": 10_000}


class Policy(Protocol):
    """What the conversation asks. Answers are SMTP replies; empty means yes."""

    def admit(self, peer: str) -> str:
        """Whether a connection may be opened; `leave` follows when it was."""

    def leave(self, peer: str) -> None:
        """The connection ended."""

    def room(self, size: int) -> bool:
        """Take (or, negative, give back) so many bytes of the memory for mails on their way in."""

    async def recipient(self, peer: str, address: str, so_far: int) -> str:
        """Whether mail for the address is taken."""

    async def mail(self, peer: str, sender: str, recipients: list[str], raw: bytes, helo: str = "") -> str:
        """Keep a mail; the reply says whether that was done. `helo`: what the peer called itself."""


class Conversation(smtp.SMTP):
    """One connection."""

    line_length_limit = SLICE

    def __init__(self, policy: Policy, host: str, limit: int, tls: ssl.SSLContext | None) -> None:
        super().__init__(
            self,
            data_size_limit=limit,
            enable_SMTPUTF8=True,
            hostname=host,
            ident="ESMTP",
            tls_context=tls,
            timeout=IDLE,
            command_call_limit=CALLS,
            loop=asyncio.get_running_loop(),
        )
        self._policy = policy
        self._limit = limit
        self._peer = ""
        self._refused = False

    def connection_made(self, transport: Any) -> None:
        if self._original_transport is not None:  # STARTTLS: the same connection again
            super().connection_made(transport)
            return
        self._peer = str((transport.get_extra_info("peername") or ("local",))[0])
        reply = self._policy.admit(self._peer)
        if reply:
            self._refused = True
            transport.write(reply.encode() + b"\r\n")
            transport.close()
        else:
            super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if not self._refused:
            super().data_received(data)

    def eof_received(self) -> bool | None:
        return None if self._refused else super().eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._refused:
            # After a failed handshake aiosmtpd reports the loss itself, and the transport does it again.
            self._refused = True
            self._policy.leave(self._peer)
            super().connection_lost(error)

    async def handle_EHLO(
        self, _server: Any, session: Any, _envelope: Any, name: str, replies: list[str]
    ) -> list[str]:
        """There is nobody who could log in."""
        session.host_name = name
        kept = [reply for reply in replies if not reply.startswith(("250-AUTH", "250 HELP"))]
        return [*kept[:-1], kept[-1].replace("250-", "250 ", 1)]

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        reply = await self._policy.recipient(self._peer, address, len(envelope.rcpt_tos))
        if reply:
            if reply.startswith("421"):
                # Only after the reply is written.
                self.loop.call_soon(self._hang_up)
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient ok"

    async def handle_exception(self, error: Exception) -> str:
        """Nothing of what went wrong inside is told to outsiders."""
        smtp.log.error("conversation failed", exc_info=error)
        return "451 4.3.0 Something went wrong here; try again later"

    async def smtp_DATA(self, arg: str) -> None:
        envelope = self.envelope
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
        elif envelope is None or not envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
        else:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            reader = _Reader(self, self._limit, self._policy)
            try:
                raw = await reader.read()
                helo = str((self.session and self.session.host_name) or "")
                reply = reader.refusal or await self._policy.mail(
                    self._peer, _sender(envelope.mail_from), envelope.rcpt_tos, raw, helo
                )
            finally:
                self._policy.room(-reader.held)
            self._set_post_data_state()  # type: ignore[no-untyped-call]
            await self.push(reply)

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.close()


class _Reader:
    """Reads one mail up to its lone dot, whatever its lines look like, holding no more of it than is allowed."""

    def __init__(self, conversation: Conversation, limit: int, policy: Policy) -> None:
        self._conversation = conversation
        self._limit = limit
        self._policy = policy
        self._parts: list[bytes] = []
        self.held = 0
        self.refusal = ""

    async def read(self) -> bytes:
        """The mail without the dots that the transport added; empty when there is a `refusal`.

        Raises ConnectionResetError when it is so long over the limit that waiting for its end is no use.
        """
        reader = self._conversation._reader
        # The dot may stand in the first line; now a line ends before it in any case.
        reader._buffer[:0] = b"\r\n"  # type: ignore[attr-defined]
        began, size, ended = time.monotonic(), 0, False
        while not ended:
            try:
                part, ended = await reader.readuntil(END), True
            except asyncio.LimitOverrunError as full:
                part = await reader.readexactly(full.consumed)
            if time.monotonic() - began < LONGEST:
                self._conversation._reset_timeout()
            size += len(part)
            self._keep(part, size)
            if size > 2 * self._limit + SLICE:
                raise ConnectionResetError("far too large")
        raw = b"".join(self._parts)
        # Only CRLF ends a line: a lone LF before a dot is part of the mail, or mails could be smuggled in it.
        return raw[:-3].replace(b"\r\n.", b"\r\n")[2:]

    def _keep(self, part: bytes, size: int) -> None:
        if not self.refusal and size > self._limit + len(END) + 2:
            self._refuse("552 5.3.4 The mail is larger than " + str(self._limit) + " bytes")
        elif not self.refusal and not self._policy.room(len(part)):
            self._refuse("452 4.3.1 Too much mail at once; try again later")
        if not self.refusal:
            self.held += len(part)
            self._parts.append(part)

    def _refuse(self, reply: str) -> None:
        self.refusal = reply
        self._parts.clear()
        self._policy.room(-self.held)
        self.held = 0


def _sender(address: str | None) -> str:
    """Bounces come from nobody, written `<>`."""
    return "" if address in (None, "<>") else str(address)
