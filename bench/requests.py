"""The requests that are measured, as bytes ready to be sent."""

import base64
import json
import random
from dataclasses import dataclass
from typing import Any

from bench.program import EMAIL, KEY, Program

MANY = 2_000  # different ones of each kind
CUSTOMERS = 500  # who write all the tickets that are created


def address(number: int) -> str:
    """The address of one of them; pgbench makes it by itself."""
    return f"c{number}@bench.example"


@dataclass(frozen=True)
class Request:
    """One request, also for those who call the API without a socket."""

    method: str
    path: str
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()

    def encoded(self) -> bytes:
        """As it goes over the wire."""
        body = b"" if self.body is None else json.dumps(self.body).encode()
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body


CREDENTIALS = (("Authorization", "Basic " + base64.b64encode(f"{EMAIL}:{KEY}".encode()).decode()),)


@dataclass
class Material:
    """What there is in the database to ask for."""

    tickets: list[int]
    customers: list[tuple[int, str, str]]  # id, name, e-mail

    @property
    def ids(self) -> tuple[int, int]:
        """The least and the greatest id of a ticket."""
        return self.tickets[0], self.tickets[-1]


async def material(program: Program) -> Material:
    """A sample of it, the same each time."""
    chance = random.Random(3)
    tickets = [row[0] for row in await program.rows("select id from tickets order by id")]
    people = await program.rows("select id, name, email from customers where email is not null order by id")
    chosen = chance.sample(people, min(MANY, len(people)))
    return Material(tickets, [tuple(row) for row in chosen])


def get_ticket(found: Material) -> list[Request]:
    """Any ticket."""
    chance = random.Random(4)
    return [
        Request("GET", f"/api/tickets/{chance.choice(found.tickets)}", headers=CREDENTIALS)
        for _ in range(MANY)
    ]


def list_tickets(_found: Material) -> list[Request]:
    """The newest thirty."""
    return [Request("GET", "/api/tickets?limit=30", headers=CREDENTIALS)]


def create_ticket(_found: Material) -> list[Request]:
    """A mail of a customer who is known."""
    return [
        Request("POST", "/api/tickets", _mail(address(number)), headers=CREDENTIALS)
        for number in range(CUSTOMERS)
    ]


def _mail(email: str) -> dict[str, Any]:
    text = "Hello,\n\nmy parcel has not arrived yet. " + "Could you have a look, please? " * 8
    return {
        "customer": {"email": email},
        "channel": "email",
        "via": "api",
        "subject": "Where is my parcel?",
        "messages": [
            {
                "channel": "email",
                "via": "api",
                "from_agent": False,
                "subject": "Where is my parcel?",
                "body_text": text,
                "body_html": "<p>" + text + "</p>",
                "source": {
                    "type": "email",
                    "from": {"name": "Bea Bench", "address": email},
                    "to": [{"name": "Support", "address": "help@bench.example"}],
                },
            }
        ],
    }


def search(found: Material) -> list[Request]:
    """The beginning of a name and of an address, in turn."""
    asked = [name[:6] if place % 2 else email[:9] for place, (_, name, email) in enumerate(found.customers)]
    return [
        Request("POST", "/api/search", {"type": "customer_profile", "query": query}, headers=CREDENTIALS)
        for query in asked
    ]
