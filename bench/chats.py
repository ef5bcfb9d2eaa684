"""Open chats: what an idle one costs in memory, and how long words take to reach it while many speak.

`python -m bench.chats`: a thousand visitors' pages listen, then two hundred messages a second are said, half of them by
visitors, half by agents through the API, whose answers the worker puts into the chat. Each message tells when it was sent;
its delay ends when a page hears it. A message that no page heard is counted as lost.
"""

import argparse
import asyncio
import datetime
import json
import re
import secrets
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from bench import figures, program
from bench.program import Program
from bench.requests import CREDENTIALS, Request
from polus.base import crypto

STAMP = re.compile(rb"m-(\d+)-(\d+)")
CHAT = """
insert into integrations (account_id, type, name, meta, created_datetime, updated_datetime)
select id, 'gorgias_chat', 'Bench', jsonb_build_object('key', $1::text), now(), now() from accounts
returning account_id, id
"""
ALWAYS = "delete from account_settings where type = 'business-hours'"
VISITORS = """
insert into chat_visitors (account_id, integration_id, token, created_datetime, seen_datetime)
select $1, $2, token, now(), now() from unnest($3::bytea[]) as t (token)
"""
TICKETS = "select token, ticket_id from chat_visitors"
SENDERS = 48  # connections that messages are sent on
PATIENCE = 15.0  # seconds after the last message in which late ones are waited for

console = Console(stderr=True)


class Page:
    """A visitor's page: a connection that listens."""

    def __init__(self, port: int, key: str, token: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        path = f"/chat/{key}/stream?after=0"
        self.socket.sendall(Request("GET", path, headers=(("Authorization", "Bearer " + token),)).encoded())
        self.rest = b""

    def heard(self) -> list[tuple[int, int]]:
        """Number and moment (nanoseconds) of the messages that came in."""
        part = self.socket.recv(1 << 16)
        if not part:
            raise ConnectionError("the server closed a page")
        text = self.rest + part
        whole, _, self.rest = text.rpartition(b"\n\n")
        return [(int(one[1]), int(one[2])) for one in STAMP.finditer(whole)]


class Sender:
    """A connection that sends one message at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def done(self) -> bool:
        """Read what there is; whether the answer is whole."""
        part = self.socket.recv(1 << 16)
        if not part:
            raise ConnectionError("the server closed a connection")
        self.received += part
        head = self.received.find(b"\r\n\r\n")
        if head < 0:
            return False
        if self.received[9:12] != b"201":
            raise ConnectionError(self.received[:400].decode("latin-1"))
        place = self.received.lower().find(b"content-length:", 0, head + 2) + 15
        length = int(self.received[place : self.received.find(b"\r", place)])
        whole = len(self.received) >= head + 4 + length
        self.received = b"" if whole else self.received
        return whole


class Talk:
    """The pages, and what is said while they listen; a process of its own."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.port: int = order["port"]
        self.key: str = order["key"]
        self.tokens: list[str] = order["tokens"]
        self.tickets: list[int] = []
        self.poll = selectors.DefaultSelector()
        self.delays: dict[int, float] = {}
        self.free: list[Sender] = []

    def open(self) -> None:
        """All pages listen."""
        for token in self.tokens:
            page = Page(self.port, self.key, token)
            self.poll.register(page.socket, selectors.EVENT_READ, page)
        for _ in range(SENDERS):
            sender = Sender(self.port)
            self.poll.register(sender.socket, selectors.EVENT_READ, sender)
            self.free.append(sender)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            self.turn(0.1)

    def turn(self, seconds: float) -> None:
        """Read what is there."""
        for key, _ in self.poll.select(max(seconds, 0)):
            if isinstance(key.data, Sender):
                if key.data.done():
                    self.free.append(key.data)
                continue
            now = time.monotonic_ns()
            for number, sent in key.data.heard():
                self.delays.setdefault(number, (now - sent) / 1e6)

    def request(self, number: int) -> bytes:
        """The next message, of a visitor or an agent in turn."""
        place = number * 7 % len(self.tokens)
        token, ticket = self.tokens[place], self.tickets[place]
        words = f"m-{number}-{time.monotonic_ns()}"
        if number % 2:
            body = {"channel": "chat", "via": "helpdesk", "from_agent": True, "body_text": words}
            return Request("POST", f"/api/tickets/{ticket}/messages", body, CREDENTIALS).encoded()
        said = {"id": f"bench-{secrets.token_hex(8)}", "text": words}
        return Request(
            "POST", f"/chat/{self.key}/lines", said, (("Authorization", "Bearer " + token),)
        ).encoded()

    def speak(self, rate: float, seconds: float) -> dict[str, Any]:
        """Say so many messages a second for so long; what became of them."""
        began = time.monotonic()
        count, most, held = 0, int(rate * seconds), 0
        while count < most:
            due = began + count / rate
            if time.monotonic() >= due and self.free:
                self.free.pop().socket.sendall(self.request(count))
                count += 1
                continue
            held += time.monotonic() >= due
            self.turn(min(due - time.monotonic(), 0.05) if self.free else 0.05)
        said = time.monotonic() - began
        end = time.monotonic() + PATIENCE
        while len(self.delays) < count and time.monotonic() < end:
            self.turn(0.05)
        by = {
            who: sorted(d for n, d in self.delays.items() if n % 2 == odd)
            for who, odd in (("visitors", 0), ("agents", 1))
        }
        return {
            "count": count, "rate": round(count / said, 1), "lost": count - len(self.delays),
            "delays": {who: {"median": round(statistics.median(all_of), 1), "p95": round(all_of[int(len(all_of) * 0.95)], 1)} for who, all_of in by.items() if all_of},
            "median": round(statistics.median(self.delays.values()), 1) if self.delays else None,
        }  # fmt: skip


def talk() -> None:
    """The other process: opens, waits for a line on its input, speaks, and tells."""
    talking = Talk(json.loads(sys.stdin.readline()))
    talking.open()
    print("open", flush=True)
    order = json.loads(sys.stdin.readline())
    talking.tickets = order["tickets"]
    print(json.dumps(talking.speak(order["rate"], order["seconds"])), flush=True)


async def people(here: Program, count: int) -> tuple[str, list[str]]:
    """A chat's key, and the tokens of its visitors."""
    key, tokens = secrets.token_hex(12), [crypto.new_token() for _ in range(count)]
    ((account_id, chat_id),) = await here.rows(CHAT, key)
    await here.rows(ALWAYS)
    await here.rows(VISITORS, account_id, chat_id, [crypto.digest(token) for token in tokens])
    return key, tokens


async def greeted(here: Program, key: str, tokens: list[str]) -> list[int]:
    """Each visitor says something; their tickets."""
    sender = Sender(here.port)
    for number, token in enumerate(tokens):
        said = {"id": f"first-{number:06}", "text": "Hello?"}
        line = Request("POST", f"/chat/{key}/lines", said, (("Authorization", "Bearer " + token),))
        sender.socket.sendall(line.encoded())
        while not sender.done():
            pass
    sender.socket.close()
    found = {bytes(row[0]): row[1] for row in await here.rows(TICKETS)}
    return [found[crypto.digest(token)] for token in tokens]


def private(here: Program) -> int:
    """Bytes of memory that only the server process has."""
    return int(sum(process.memory_full_info().uss for process in here.processes()["server"]))


async def measure(here: Program, connections: int, rate: float, seconds: float) -> dict[str, Any]:
    """Everything."""
    key, tokens = await people(here, connections)
    # The program has done everything once before its memory is looked at.
    await greeted(here, key, tokens[:20])
    await here.settle()
    await asyncio.sleep(2)
    before = private(here)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.chats",
        "--talk",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=1 << 24,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps({"port": here.port, "key": key, "tokens": tokens}).encode() + b"\n")
    assert await child.stdout.readline() == b"open\n"
    await asyncio.sleep(3)
    memory = (private(here) - before) / connections / 1024
    console.print(f"{memory:.1f} kB for each idle connection; {connections} visitors say hello")
    tickets = await greeted(here, key, tokens)
    await here.settle()
    # A minute of a thousand new tickets is not what autovacuum is tuned for: plans made for none would be measured.
    await here.rows("analyze")
    console.print(f"{rate:g} messages a second for {seconds:g} s")
    spent = figures.cpu(here)
    child.stdin.write(json.dumps({"rate": rate, "seconds": seconds, "tickets": tickets}).encode() + b"\n")
    told = json.loads(await child.stdout.readline())
    cpu = figures.between(spent, figures.cpu(here), told["count"])
    own = psutil.Process(child.pid).cpu_times() if child.returncode is None else None
    await child.wait()
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": figures.machine(), "connections": connections, "kilobytes": round(memory, 1), **told,
        "cpu": cpu | {"bench": round((own.user + own.system) * 1000 / told["count"], 2) if own else None},
    }  # fmt: skip


async def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Start a helpdesk of its own and measure it."""
    with tempfile.TemporaryDirectory(prefix="polus-bench-") as temporary:
        data = (arguments.data or Path(temporary) / "data").absolute()
        async with program.running(data, arguments.processes) as here:
            return await measure(here, arguments.connections, arguments.rate, arguments.seconds)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.chats", description=__doc__)
    parser.add_argument("--connections", type=int, default=1000, help="open chats")
    parser.add_argument("--rate", type=float, default=200, help="messages a second")
    parser.add_argument("--seconds", type=float, default=20, help="how long they are said")
    parser.add_argument("--processes", type=int, default=1, help="server processes")
    parser.add_argument("--data", type=Path, help="a data folder to use and keep")
    parser.add_argument("--json", type=Path, default=Path("chats.json"), help="file for the figures")
    parser.add_argument("--talk", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.talk:
        talk()
        return
    found = asyncio.run(run(arguments))
    arguments.json.write_text(json.dumps(found, indent=2) + "\n")
    console.print_json(json.dumps(found))


if __name__ == "__main__":
    main()
