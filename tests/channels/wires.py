"""A way to a server of somebody else's that is cut, reset or falls silent in the middle of what is said on it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.wires import Between, Ends, abort, carry


@dataclass
class Break:
    """In the middle of `words`, or `after` so many bytes, said by us (`up`) or by the server (`down`). `stall`: nothing
    more is heard, either way."""

    way: Literal["up", "down"]
    words: bytes = b""
    how: Literal["cut", "reset", "stall"] = "cut"
    after: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def at(self, way: str, said: bytes) -> int:
        """Where in all that was said that way it breaks; -1: not yet."""
        if way != self.way:
            return -1
        if self.after:
            return self.after if len(said) >= self.after else -1
        found = said.find(self.words)
        return found if found < 0 else found + len(self.words) // 2


class Wire(Between):
    """Listens on loopback and leads to `target`; each connection breaks at the next of `breaks`, then none does.

    `slow`: what is said comes through in single bytes. `then` is done at each break.
    """

    def __init__(self, target: int) -> None:
        super().__init__()
        self.target = target
        self.breaks: list[Break] = []
        self.slow = False
        self.then: Callable[[], None] | None = None

    @property
    def port(self) -> int:
        return int(self.listening.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def listen(self) -> Any:
        return await asyncio.start_server(self.serve, "127.0.0.1", 0)

    async def dial(self) -> Ends:
        return await asyncio.open_connection("127.0.0.1", self.target)

    def ways(self, near: Ends, far: Ends) -> tuple[Any, list[Coroutine[Any, Any, None]]]:
        broken = self.breaks.pop(0) if self.breaks else None
        return broken, [
            self._pump(near[0], far[1], broken, "up"),
            self._pump(far[0], near[1], broken, "down"),
        ]

    def hang_up(self, known: Break | None, end: asyncio.StreamWriter) -> None:
        if known is not None and known.how == "reset":
            abort(end)
        end.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, broken: Break | None, way: str
    ) -> None:
        said = b""
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                if broken is not None and broken.reached.is_set():
                    continue  # stalled: whoever gives up is heard, nothing else
                before, said = len(said), said + data
                at = -1 if broken is None else broken.at(way, said)
                if at < 0 or broken is None:
                    await carry(writer, data, slow=self.slow)
                    continue
                await carry(writer, data[: max(at - before, 0)], slow=self.slow)
                broken.reached.set()
                if self.then is not None:
                    self.then()
                if broken.how != "stall":
                    return


Open = Callable[[int], Awaitable[Wire]]
