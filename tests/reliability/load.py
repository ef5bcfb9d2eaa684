"""Work that goes on while things are killed: customers write, agents answer, the world's mail server takes mail."""

import asyncio
import itertools
import json
import random
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import aiosmtplib

from tests.channels.email.office import mail
from tests.channels.email.sink import Sink

# What a client sees of a server that is killed: it tries again, as mail servers and careful programs do.
TROUBLE = (OSError, aiosmtplib.SMTPException, aiohttp.ClientError, asyncio.TimeoutError)

# Between two things that one of them does: what is killed must be at work, not the machine out of breath.
PAUSE = 0.1


@dataclass
class Load:
    """`accepted`: Message-IDs that were answered with 250. `answers`: texts of answers that were answered with 201."""

    sink: Sink
    address: str
    email: str
    key: str
    http: aiohttp.ClientSession
    url: str = ""
    smtp_port: int = 0
    accepted: set[str] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)
    numbers: Any = field(default_factory=lambda: itertools.count(1))
    stopped: bool = False

    async def customer(self) -> None:
        """Writes one mail after the other; each again and again until somebody said 250."""
        while not self.stopped:
            number = next(self.numbers)
            message_id = f"<{number}@customer.example>"
            raw = mail(
                f"Mail {number}", to=self.address, sender=f"c{number}@customer.example", message_id=message_id
            )
            while not await self._handed_over(raw, number):
                await asyncio.sleep(0.05)
            self.accepted.add(message_id)
            await asyncio.sleep(PAUSE)

    async def _handed_over(self, raw: bytes, number: int) -> bool:
        try:
            async with asyncio.timeout(5):
                client = aiosmtplib.SMTP(hostname="127.0.0.1", port=self.smtp_port, timeout=5)
                await client.connect()
                try:
                    await client.sendmail(f"c{number}@customer.example", [self.address], raw)
                    return True
                finally:
                    client.close()
        except TROUBLE:
            return False

    async def agent(self) -> None:
        """Answers tickets by the API; an answer whose fate is unknown is not repeated."""
        while not self.stopped:
            try:
                tickets = (await self.call("GET", "/api/tickets?limit=30"))["data"]
                if tickets:
                    await self._answer(random.choice(tickets)["id"])
            except TROUBLE:
                await asyncio.sleep(0.05)
            await asyncio.sleep(PAUSE)

    async def _answer(self, ticket_id: int) -> None:
        text = f"Answer {next(self.numbers)}"
        body = {"channel": "email", "via": "api", "from_agent": True, "body_text": text}
        await self.call("POST", f"/api/tickets/{ticket_id}/messages", body)
        self.answers.add(text)

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Raises aiohttp.ClientError for refusals too."""
        headers = {"Authorization": aiohttp.encode_basic_auth(self.email, self.key)}
        timeout = aiohttp.ClientTimeout(total=5)
        async with self.http.request(
            method, self.url + path, json=body, headers=headers, timeout=timeout
        ) as answer:
            answer.raise_for_status()
            return json.loads(await answer.text())
