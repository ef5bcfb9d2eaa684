"""A cheap load generator: a process of its own that sends prepared requests on some connections and counts answers.

One thread, blocking on epoll; an answer is read by its Content-Length and only its status is looked at. It costs a
tenth of what the server spends, because both share the machine.
"""

import asyncio
import json
import random
import select
import socket
import subprocess
import sys
import time
from typing import Any, NamedTuple


class Load(NamedTuple):
    """What came of it: answers per second, and how many milliseconds half of them and 95 of 100 took at most."""

    rate: float
    median: float
    slow: float
    count: int  # with those of the warm-up, which nothing else counts
    size: int  # bytes of the last answer


async def run(port: int, requests: list[bytes], connections: int, seconds: float) -> Load:
    """Send the requests in random order for some seconds; raises when any was answered by an error."""
    order = {"port": port, "connections": connections, "seconds": seconds}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    given = json.dumps(order | {"requests": [request.decode("latin-1") for request in requests]})
    out, _ = await process.communicate(given.encode())
    told = json.loads(out)
    if "error" in told:
        raise SystemExit("the load was refused: " + told["error"])
    return Load(**told)


class Connection:
    """One connection: what it is waiting for."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.missing = -1
        self.size = 0
        self.began = 0.0

    def send(self, request: bytes) -> None:
        """Begin the next request."""
        self.received, self.missing = b"", -1
        self.began = time.perf_counter()
        self.socket.sendall(request)

    def done(self) -> bool:
        """Read what there is; whether the answer is whole."""
        part = self.socket.recv(1 << 20)
        if not part:
            raise ConnectionError("the server closed the connection")
        if self.missing >= 0:
            self.missing -= len(part)
            return self.missing <= 0
        self.received += part
        head = self.received.find(b"\r\n\r\n")
        if head < 0:
            return False
        if self.received[9:10] not in (b"2", b"3"):
            raise ConnectionError(self.received[:300].decode("latin-1"))
        place = self.received.lower().find(b"content-length:", 0, head + 2) + 15
        length = int(self.received[place : self.received.find(b"\r", place)])
        self.size = head + 4 + length
        self.missing = self.size - len(self.received)
        return self.missing <= 0


def generate(port: int, connections: int, seconds: float, requests: list[bytes]) -> dict[str, Any]:
    """The load, in this process. The first tenth only warms up."""
    choose = random.Random(7).choice
    poll = select.epoll()
    opened = {}
    for _ in range(connections):
        connection = Connection(port)
        opened[connection.socket.fileno()] = connection
        poll.register(connection.socket, select.EPOLLIN)
        connection.send(choose(requests))
    start = time.perf_counter() + seconds / 10
    stop = start + seconds
    took: list[float] = []
    now, count = 0.0, 0
    while now < stop:
        for number, _ in poll.poll():
            connection = opened[number]
            if connection.done():
                now = time.perf_counter()
                count += 1
                if now > start:
                    took.append(now - connection.began)
                connection.send(choose(requests))
    took.sort()
    at = [round(took[int(len(took) * share)] * 1000, 3) for share in (0.5, 0.95)]
    told = {"rate": len(took) / (now - start), "median": at[0], "slow": at[1], "count": count}
    return told | {"size": connection.size}


def main() -> None:
    """Read the order from standard input, answer on standard output."""
    order = json.loads(sys.stdin.buffer.read())
    order["requests"] = [request.encode("latin-1") for request in order["requests"]]
    try:
        told = generate(**order)
    except (ConnectionError, OSError) as error:
        told = {"error": str(error)}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
