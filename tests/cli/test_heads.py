"""Heads of requests end: a stranger who sends one without end is cut off."""

import asyncio
import socket
from typing import Any

import uvicorn

from polus import heads


async def app(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    told = str(len(body)).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(told))]}
    )
    await send({"type": "http.response.body", "body": told})


async def said(port: int, *parts: bytes) -> bytes:
    """What the server answers until it closes, or has answered all."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await reader.read()
    except ConnectionError:
        return b"reset"
    finally:
        writer.close()


async def test_a_head_without_end_is_cut_off() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=heads.Bounded, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    port = listener.getsockname()[1]
    start, end = b"POST / HTTP/1.1\r\nHost: x\r\n", b"Connection: close\r\n\r\n"
    endless = start + b"X-A: " + b"a" * 50_000
    for parts in (
        (endless, b"a" * 50_000, b"a" * 1_000_000),
        (b"GET /", *[b"a" * 50_000] * 20),
        (start, *[b"x: a\r\n" * 10_000] * 20),
    ):
        answer = await said(port, *parts)
        assert answer == b"reset" or answer.startswith(b"HTTP/1.1 431 ")
    large = start + b"Content-Length: 900000\r\n"
    two = large + b"\r\n" + b"b" * 900_000 + large + end + b"c" * 900_000
    answer = await said(port, large + end + b"b" * 900_000)
    assert answer.endswith(b"900000")
    assert (await said(port, two)).count(b"900000") == 2, (
        "bodies are bounded elsewhere, and connections go on"
    )
    assert (await said(port, start + b"X-A: " + b"a" * 60_000 + b"\r\n" + end)).startswith(b"HTTP/1.1 200 ")
    server.should_exit = True
    await running
