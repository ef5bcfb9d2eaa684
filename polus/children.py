"""What a process of the group needs to know from its parent, and when it has to stop.

The parent writes one line of JSON to the child's standard input and keeps it open: its end, however the parent
ended, tells the child to stop. Nothing of it is visible in the list of processes.
"""

import asyncio
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import msgspec

from polus.base.settings import Settings

READY = "ready\n"


class Order(msgspec.Struct, frozen=True):
    """Which sockets the process serves (file descriptors), on behalf of which installation."""

    settings: Settings
    http: tuple[int, ...] = ()
    smtp: tuple[int, ...] = ()


def written(order: Order) -> bytes:
    """The line that `received` reads."""
    return msgspec.json.encode(order, enc_hook=str) + b"\n"


def received() -> Order:
    """The order of the parent. Blocks until it is there."""
    line = sys.stdin.buffer.readline()
    return msgspec.json.decode(line, type=Order, dec_hook=_path)


def _path(kind: type, value: Any) -> Any:
    return kind(value) if kind is Path else value


def sockets(numbers: tuple[int, ...]) -> list[socket.socket]:
    """The parent's listening sockets, ours as well."""
    return [socket.socket(fileno=number) for number in numbers]


def ready() -> None:
    """Tell the parent that this process works."""
    sys.stdout.write(READY)
    sys.stdout.flush()


async def stop_asked(*, by_parent: bool = True) -> None:
    """Returns when the process has to stop: SIGTERM, or the parent says so or is gone.

    Without a parent Ctrl-C says it too. With one, Ctrl-C reaches the whole group, and only the parent answers it.
    """
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, asked.set)
    if by_parent:
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        end = asyncio.create_task(reader.read())
        end.add_done_callback(lambda _: asked.set())
    else:
        loop.add_signal_handler(signal.SIGINT, asked.set)
    await asked.wait()
