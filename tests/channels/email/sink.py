"""The world's mail server: takes what we send and keeps it, or refuses as it is told."""

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

from polus.base.settings import Relay


@dataclass
class Taken:
    """A mail in its envelope."""

    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def mail(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def text(self, kind: str = "plain") -> str:
        body = self.mail.get_body((kind,))
        assert body is not None
        return str(body.get_content())


@dataclass
class Sink:
    """`refusals`: recipient → reply. `on_data`: reply to a whole mail; "" hangs up after taking it."""

    taken: list[Taken] = field(default_factory=list)
    refusals: dict[str, str | bytes] = field(default_factory=dict)
    on_data: str = "250 taken"
    on_sender: str = "250 ok"
    password: str | None = None
    tls: ssl.SSLContext | None = None
    port: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    hold: asyncio.Event | None = None
    _server: Any = None

    async def open(self) -> None:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.bind(("127.0.0.1", self.port))
        self.port = listening.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(self._conversation, sock=listening)

    async def close(self) -> None:
        self._server.close()

    def of(self, sender: str) -> list[Taken]:
        """What came from an address."""
        return [taken for taken in self.taken if taken.sender == sender]

    def relay(self, **more: Any) -> Relay:
        given = {"user": None, "password": None, "implicit_tls": False, **more}
        return Relay(host="127.0.0.1", port=self.port, **given)

    def _conversation(self) -> SMTP:
        return SMTP(
            self, enable_SMTPUTF8=True, hostname="sink.example", tls_context=self.tls,
            authenticator=self._authenticate,
            auth_require_tls=self.tls is not None, loop=asyncio.get_running_loop(),
        )  # fmt: skip

    def _authenticate(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any
    ) -> AuthResult:
        return AuthResult(success=data.password == (self.password or "").encode(), handled=False)

    async def handle_MAIL(
        self, _server: Any, _session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.on_sender.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return self.on_sender

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str | bytes:
        refusal = self.refusals.get(address)
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 ok"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
        self.arrived.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.on_data.startswith("250") or not self.on_data:
            self.taken.append(Taken(envelope.mail_from, list(envelope.rcpt_tos), envelope.original_content))
        if not self.on_data:
            server.transport.abort()
        return self.on_data or "250 never heard"
