"""Logs: their forms, the request's line, and that secrets stay out of them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from polus.base import crypto, log


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What is logged as JSON."""
    written = io.StringIO()
    log.configure(as_json=True, stream=written)
    yield written
    structlog.reset_defaults()
    logging.basicConfig(handlers=[], force=True)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    log.flush()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json(stream: io.StringIO) -> None:
    structlog.get_logger().info("mail parked", mail=7)
    [line] = lines(stream)
    assert (line["event"], line["mail"], line["level"]) == ("mail parked", 7, "info")
    assert str(line["time"]).endswith("Z")


def test_a_terminal_gets_text() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    log.configure(stream=terminal)
    structlog.get_logger().info("mail parked", mail=7)
    log.access("GET", "/api/tags", 200, 0.0042, "r1")
    log.flush()
    assert "mail parked" in terminal.getvalue()
    assert "GET /api/tags 200 4.2ms r1" in terminal.getvalue()
    structlog.reset_defaults()


def test_facts_are_bound_for_a_while(stream: io.StringIO) -> None:
    with log.bound(request_id="r1"):
        structlog.get_logger().info("inside")
    structlog.get_logger().info("outside")
    inside, outside = lines(stream)
    assert inside["request_id"] == "r1"
    assert "request_id" not in outside


def test_the_requests_line(stream: io.StringIO) -> None:
    log.access("GET", '/a"b\n{"level":"forged"}', 404, 0.00123, "r1")
    [line] = lines(stream)
    assert line["path"] == '/a"b\n{"level":"forged"}'
    assert (line["method"], line["status"], line["ms"], line["request_id"]) == ("GET", 404, 1.2, "r1")


def test_signed_links_are_hidden(stream: io.StringIO) -> None:
    log.access("GET", f"/files/{crypto.Signer('k' * 32, 'file').sign('name', 300)}/a.png", 200, 0.1, "r1")
    log.access("GET", f"/invitations/{crypto.new_token()}", 200, 0.1, "r2")
    log.access("GET", "/api/tickets/1/messages/123e4567-e89b-12d3-a456-426614174000", 200, 0.1, "r3")
    paths = [line["path"] for line in lines(stream)]
    assert paths == [
        "/files/***/a.png",
        "/invitations/***",
        "/api/tickets/1/messages/123e4567-e89b-12d3-a456-426614174000",
    ]


def test_order_is_kept_between_requests_and_others(stream: io.StringIO) -> None:
    log.access("GET", "/", 500, 0.1, "r1")
    structlog.get_logger().error("after")
    assert [line["event"] for line in lines(stream)] == ["request", "after"]


async def test_requests_lines_are_gathered(stream: io.StringIO) -> None:
    log.access("GET", "/", 200, 0.1, "r1")
    assert stream.getvalue() == ""
    for _ in range(200):
        log.access("GET", "/", 200, 0.1, "r1")
    assert len(stream.getvalue().splitlines()) == 200
    assert len(lines(stream)) == 201


@pytest.mark.parametrize(
    "facts",
    [
        {"password": "sesame"},
        {"api_key": "sesame"},
        {"Authorization": "Basic sesame"},
        {"headers": {"cookie": "sesame"}},
        {"headers": [{"token": "sesame"}]},
        {"body_html": "<p>sesame</p>"},
        {"url": "postgresql://polus:sesame@db/polus"},
        {"said": "sent Bearer sesame-sesame to it"},
        {"error": ValueError("smtp://me:sesame@host refused")},
    ],
)
def test_secrets_are_hidden(stream: io.StringIO, facts: dict[str, object]) -> None:
    structlog.get_logger().warning("something", **facts)
    assert "sesame" not in stream.getvalue()
    assert "***" in stream.getvalue()


def test_what_is_no_secret_is_shown(stream: io.StringIO) -> None:
    structlog.get_logger().info("served", url="http://127.0.0.1:8000/tickets", token=None, keys=3)
    [line] = lines(stream)
    assert (line["url"], line["token"], line["keys"]) == ("http://127.0.0.1:8000/tickets", None, 3)


def test_exceptions_lose_the_rows_that_postgresql_quotes(stream: io.StringIO) -> None:
    said = "duplicate key\nDETAIL:  Key (email)=(ann@example.com) already exists.\nx"
    try:
        raise ValueError(said)
    except ValueError:
        structlog.get_logger().exception("failed")
    [line] = lines(stream)
    assert "duplicate key" in str(line["exception"])
    assert "ann@example.com" not in str(line["exception"])


def test_libraries_speak_through_it(stream: io.StringIO) -> None:
    logging.getLogger("alembic").warning("at %s", "smtp://a:sesame@b")
    logging.getLogger("alembic").info("chatter")
    [line] = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == ("at smtp://a:***@b", "alembic", "warning")
