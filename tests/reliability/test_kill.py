"""kill -9 of any part, again and again, while mails come in and answers go out: nothing is lost, nothing is doubled.

The embedded PostgreSQL is used as people use it; this is the one test that waits by the clock, because the moments of
the killings must be any.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import tempfile
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psutil
import pytest

from polus.store import server as servers
from tests.channels.email.sink import Sink
from tests.cli.programs import Installation, Serving
from tests.reliability.load import Load

START = 300.0  # seconds that a start may take on a machine that does much else
WIDTH = 4  # deliveries at a time: so many may be cut off between the relay's yes and its note


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's, whose parent another run's start closes to the user that PostgreSQL runs as."""
    with tempfile.TemporaryDirectory(prefix="polus-test-", ignore_cleanup_errors=True) as made:
        yield Path(made)


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink = Sink()
    await sink.open()
    yield sink
    await sink.close()


class Helpdesk:
    """`polus serve` that is started again whenever it is gone."""

    def __init__(self, here: Installation) -> None:
        self.here = here
        self.serving: Serving | None = None
        self.ports: tuple[str, ...] = ("--port", "0", "--smtp-port", "0")
        self.log: deque[bytes] = deque(maxlen=2000)

    async def start(self) -> Serving:
        self.here.share_pages()
        process = await self.here.start("serve", "--json", *self.ports)
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), START)
        if not line:
            raise AssertionError((await process.communicate())[1].decode())
        self.serving = Serving(process, json.loads(line))
        told = self.serving.told
        self.ports = ("--port", str(told["port"]), "--smtp-port", str(told["smtp_port"]))
        self._drain = asyncio.create_task(self._read_errors(process))
        return self.serving

    async def _read_errors(self, process: Any) -> None:
        """Its log must not fill the pipe; the end of it is for people, when something went wrong."""
        while said := await process.stderr.read(65536):
            self.log.append(said)

    def state(self) -> str:
        """Who lives, and what was said last."""
        assert self.serving is not None
        code = self.serving.process.returncode
        modules = [
            (one.pid, one.ppid(), one.status(), one.info["cmdline"][-3:])
            for one in psutil.process_iter(["cmdline"])
            if {"polus.worker", "polus.app"} & set(one.info["cmdline"] or ())
        ]
        return f"parent: {code}; all that live: {modules}\n{b''.join(self.log).decode()[-20_000:]}"

    def children(self, module: str) -> list[psutil.Process]:
        assert self.serving is not None
        found = psutil.Process(self.serving.process.pid).children()
        return [child for child in found if module in child.cmdline()]

    async def kill(self, victim: str) -> None:
        """At once; the parent, when it is the victim, is started again."""
        if victim == "postgres":
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # dead from last time
                lines = (self.here.data / "postgres" / "postmaster.pid").read_text().splitlines()
                os.kill(int(lines[0]), signal.SIGKILL)
        elif victim == "parent":
            assert self.serving is not None
            self.serving.process.kill()
            await self.serving.process.wait()
            await self.start()
        else:
            for child in self.children(victim):
                child.kill()


async def _storm(folder: Path, sink: Sink, http: aiohttp.ClientSession, victims: list[str]) -> None:
    here = Installation(
        folder / "data", "", {"POLUS_SMTP_URL": f"smtp://127.0.0.1:{sink.port}", "POLUS_RATE_LIMIT": "0"}
    )
    helpdesk = Helpdesk(here)
    serving = await helpdesk.start()
    first = serving.told["first"]
    load = Load(
        sink, first["address"], first["email"], first["key"], http, serving.url, serving.told["smtp_port"]
    )
    await load.call("POST", "/api/rules", RULE)
    tasks = [asyncio.create_task(work()) for work in (load.customer, load.customer, load.agent, load.agent)]
    for victim in victims:
        # A process needs a second to be back: most killings meet work, some meet a start.
        await asyncio.sleep(random.uniform(0.3, 3.0))
        await helpdesk.kill(victim)
    async with asyncio.timeout(START):
        while not (load.accepted and load.answers):
            await asyncio.sleep(0.2)
    load.stopped = True
    await asyncio.wait_for(asyncio.gather(*tasks), START)
    try:
        server = await servers.start(here.data)
        try:
            connection = await asyncpg.connect(server.url)
            await _settled(connection, helpdesk)
            await _check(connection, load, victims)
            await _check_rules(connection)
            await connection.close()
        finally:
            await server.stop()
        await _well(http, load.url)
    finally:
        assert helpdesk.serving is not None
        helpdesk.serving.process.terminate()
        await asyncio.wait_for(helpdesk.serving.process.wait(), START)


async def _well(http: aiohttp.ClientSession, url: str) -> None:
    """Until it is: what was killed last may still be on its way back."""
    async with asyncio.timeout(START):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(url + "/health") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.2)


# What it does shows how often it was done; it is at work whenever something is killed.
RULE = {
    "name": "Seen",
    "event_types": "ticket-message-created",
    "code": "if (eq(message.from_agent, false)) { Action('addInternalNote', {body_text: 'Seen {{message.id}}'});"
    " Action('addTags', {tags: 'seen'}); }",
}

LEFT = """
select (select count(*) from mails where state = 'received') + (select count(*) from outbox)
  + (select count(*) from deliveries)
"""


LEFTOVERS = (
    "select to_jsonb(m) - 'raw', now() from mails m where state = 'received'",
    "select *, now() from outbox",
    "select * from deliveries",
    "select pid, application_name, state, wait_event, backend_start, query_start, left(query, 80) from pg_stat_activity",
    "select pid, objid, granted from pg_locks where locktype = 'advisory'",
)


async def _settled(connection: Any, helpdesk: Helpdesk) -> None:
    """Wait until nothing is left to do. What the relay did not answer comes again after a minute: that is hurried."""
    deadline = time.monotonic() + 240
    while await connection.fetchval(LEFT):
        await connection.execute("update deliveries set due_datetime = now() where worker is null")
        await connection.execute("update outbox set due_datetime = now() where due_datetime > now()")
        if time.monotonic() > deadline:
            left = [await connection.fetch(sql) for sql in LEFTOVERS]
            raise AssertionError(f"{left}\n{helpdesk.state()}")
        await asyncio.sleep(0.2)


async def _check(connection: Any, load: Load, victims: list[str]) -> None:
    states = Counter(row[0] for row in await connection.fetch("select state from mails"))
    assert set(states) <= {"delivered", "duplicate"}, states
    stored = Counter(
        row[0] for row in await connection.fetch("select message_id from messages where not from_agent")
    )
    # Every accepted mail is exactly one message; one whose 250 was never heard may be there as well.
    assert load.accepted <= set(stored)
    assert set(stored.values()) == {1}
    answers = await connection.fetch(
        "select message_id, body_text, sent_datetime, failed_datetime from messages where from_agent and public"
    )
    assert load.answers <= {row["body_text"] for row in answers}
    assert all(row["sent_datetime"] and not row["failed_datetime"] for row in answers)
    sent = Counter(str(taken.mail["Message-ID"]) for taken in load.sink.taken)
    assert set(sent) == {row["message_id"] for row in answers}
    # Twice only when the relay took it and the worker died before it heard so; then it is the same mail.
    twice = {message_id for message_id, times in sent.items() if times > 1}
    assert len(twice) <= WIDTH * sum(victim in ("polus.worker", "parent") for victim in victims)
    for message_id in twice:
        assert len({one.raw for one in load.sink.taken if one.mail["Message-ID"] == message_id}) == 1


async def _check_rules(connection: Any) -> None:
    """The rule ran once for each message, and did each thing once."""
    wanted = {row[0] for row in await connection.fetch("select id from messages where not from_agent")}
    notes = Counter(
        row[0] for row in await connection.fetch("select body_text from messages where rule_id is not null")
    )
    assert notes == Counter(f"Seen {id_}" for id_ in wanted)
    told = await connection.fetch(
        "select (data->>'message_id')::bigint from events where type = 'rule-executed'"
    )
    assert Counter(row[0] for row in told) == Counter(wanted)
    acted = await connection.fetch(
        "select count(*) from events where type = 'action-executed' and data->>'name' = 'addInternalNote'"
    )
    assert acted[0][0] == len(wanted)


PARTS = ("polus.worker", "postgres", "polus.app", "parent")
# So many more than once each.
KILLS = int(os.environ.get("POLUS_TEST_KILLS", "2"))


@pytest.mark.slow
async def test_parts_are_killed_many_times(folder: Path, sink: Sink, http: aiohttp.ClientSession) -> None:
    victims = [*PARTS, *random.choices(PARTS, (4, 4, 3, 1), k=KILLS)]
    random.shuffle(victims)
    await _storm(folder, sink, http, victims)
