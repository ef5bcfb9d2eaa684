"""Whatever the OpenAPI document allows, and much that it does not: no answer but those that it names, and never a 5xx.

A handful of requests for each operation always; `POLUS_FUZZ=200` sends so many of each kind instead.
"""

import asyncio
import os
import sys
import warnings
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from requests.exceptions import InvalidURL
from schemathesis import Case, GenerationMode

from polus.api.operation import Operation
from tests import proof, samples
from tests import world as worlds
from tests.world import World

COUNT = int(os.environ.get("POLUS_FUZZ", "0"))
ORDER = ("GET", "POST", "PUT", "DELETE")
SCHEMA = schemathesis.openapi.from_dict(proof.ours())
OPERATIONS = sorted(samples.OPERATIONS, key=lambda operation: (ORDER.index(operation.method), operation.id))


class Sender:
    """Sends generated requests as the administrator and holds the answers against the document."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.session = requests.Session()
        self.session.trust_env = False
        self.statuses: dict[tuple[str, int], int] = {}
        # By what is wrong, so that one fault is told once however often it is met.
        self.faults: dict[tuple[str, int, str], str] = {}

    def send(self, operation: Operation, case: Case) -> None:
        given = case.as_transport_kwargs(base_url=self.world.ada.url)
        given["headers"] = {**_sendable(given.get("headers") or {}), **self.world.ada.headers}
        given.pop("cookies", None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                answer = self.session.request(**given, allow_redirects=False, timeout=60)
            except (InvalidURL, UnicodeError):
                return  # nothing that could be sent
        where = (operation.id, answer.status_code)
        self.statuses[where] = self.statuses.get(where, 0) + 1
        path = requests.utils.urlparse(answer.url).path
        try:
            assert answer.status_code < 500, "an error of the server"
            proof.check(given["method"], path, answer.status_code, answer.headers, answer.content)
        except AssertionError as error:
            said = f"{error}\n{case.as_curl_command()}\n{answer.text[:2000]}"
            fault = (*where, str(error)[:80])
            if fault not in self.faults:
                self.faults[fault] = said
                _tell(said + "\n\n")


def _tell(text: str) -> None:
    """At once: a run takes minutes."""
    assert sys.__stderr__ is not None
    sys.__stderr__.write(text)
    sys.__stderr__.flush()


def _sendable(headers: dict[str, Any]) -> dict[str, str]:
    """The headers that a client library lets one send."""
    return {
        k: v
        for k, v in headers.items()
        if isinstance(v, str) and v.isascii() and v.isprintable() and k.isascii()
    }


def fuzz(
    sender: Sender, operation: Operation, ids: dict[str, Any] | None, mode: GenerationMode, count: int
) -> None:
    """`count` requests of an operation; with `ids` the path leads to something that is there."""
    found = SCHEMA[operation.path][operation.method]
    chosen = {} if ids is None else {"path_parameters": ids}

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=found.as_strategy(generation_mode=mode, **chosen))
    def once(case: Case) -> None:
        sender.send(operation, case)

    try:
        once()
    except Unsatisfiable:
        return  # an operation without anything that could be wrong


def ids_of(operation: Operation, things: Any) -> dict[str, Any]:
    """The path's parameters, leading to things of the shop."""
    names = [segment[1:-1] for segment in operation.path.split("/") if segment.startswith("{")]
    # Not oneself: whoever changes his own address is nobody from then on.
    found = ("user" if name == "me" else name for name in samples.SAMPLES[operation.id].ids)
    return dict(zip(names, (things[name] for name in found), strict=True))


async def run(world: World, count: int) -> Sender:
    """All operations: right and wrong requests, at paths that lead somewhere and at any."""
    sender = Sender(world)
    things = await samples.fill(world)
    for operation in OPERATIONS:
        if operation.method in ("PUT", "DELETE") and count > 50:
            # What many changes leave of a shop is not worth asking.
            sender.world = await worlds.make(world.database, world.ada.http, world.ada.url)
            things = await samples.fill(sender.world)
        ids = ids_of(operation, things)
        for mode in GenerationMode:
            await asyncio.to_thread(fuzz, sender, operation, ids, mode, count)
        await asyncio.to_thread(fuzz, sender, operation, None, GenerationMode.NEGATIVE, max(1, count // 4))
    return sender


@pytest.mark.slow
async def test_nothing_that_is_sent_breaks_the_api(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    sender = await run(world, COUNT or 2)
    answered = sum(sender.statuses.values())
    by_status: dict[int, int] = {}
    for (_, status), number in sorted(sender.statuses.items(), key=lambda item: item[0][1]):
        by_status[status] = by_status.get(status, 0) + number
    if COUNT:
        with capsys.disabled():
            sys.stdout.write(f"\n{answered} requests: {by_status}\n")
    assert not sender.faults, "\n\n".join(sender.faults.values())
    assert answered > 3 * len(OPERATIONS)
