"""Logs: one line each on stderr, JSON for machines and coloured text on a terminal, never with secrets.

`structlog.get_logger()` works anywhere; `configure` is called once by whoever composes the process. Lines about
requests take the fast path `access`.
"""

import asyncio
import logging
import re
import sys
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

import msgspec
import structlog
from structlog.contextvars import bound_contextvars

_FLUSH_AFTER = 0.5  # seconds that a line about a request may wait
_FLUSH_LINES = 200

_SECRET_NAME = re.compile(
    r"passw|secret|token|authori[sz]ation|cookie|api_?key|credential|private|signature|^key$|_key$"
    r"|^body|_body$|_html$|_text$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"(?P<before>://[^\s/@:]*:)[^\s/@]+(?=@)"  # the password in an address
    r"|(?P<scheme>\b(?:Basic|Bearer)\s+)[A-Za-z0-9._~+/=-]{8,}"
    r"|\b[0-9a-f]{64}\b",  # API keys and digests
    re.IGNORECASE,
)
# Signed links and invitations are secrets for as long as they live.
_SECRET_PART = re.compile(r"[A-Za-z0-9_.~-]{40,}")
# PostgreSQL quotes whole rows there, and rows are people's mails.
_DETAIL = re.compile(r"^(?:DETAIL|CONTEXT):.*$", re.MULTILINE)


class _Lines:
    """Where finished lines go. Lines of requests are gathered; every other line goes out at once, behind them."""

    def __init__(self, stream: TextIO, as_json: bool) -> None:
        self.stream = stream
        self.as_json = as_json
        self._waiting: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._second = 0
        self._stamp = ""

    def stamp(self) -> str:
        """The present time in milliseconds; the part down to the second is made once a second."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._stamp}.{int((now - second) * 1000):03d}Z"

    def gather(self, line: str) -> None:
        self._waiting.append(line)
        if len(self._waiting) >= _FLUSH_LINES:
            self.flush()
        elif self._timer is None:
            try:
                self._timer = asyncio.get_running_loop().call_later(_FLUSH_AFTER, self.flush)
            except RuntimeError:  # no event loop that could come back for it
                self.flush()

    def flush(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        waiting, self._waiting = self._waiting, []
        if waiting:
            self.stream.write("\n".join(waiting) + "\n")
            self.stream.flush()

    def msg(self, line: str) -> None:
        self._waiting.append(line)
        self.flush()

    debug = info = warning = error = critical = exception = fatal = log = msg


_lines = _Lines(sys.stderr, as_json=False)


def configure(
    *, as_json: bool | None = None, level: int = logging.INFO, stream: TextIO | None = None
) -> None:
    """Decides form and place of all later lines, also of libraries that use the standard `logging`.

    `as_json` None: text when the stream is a terminal, else JSON.
    """
    global _lines
    flush()
    stream = stream or sys.stderr
    if as_json is None:
        as_json = not stream.isatty()
    _lines = _Lines(stream, as_json)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            redact,
            _json
            if as_json
            else structlog.dev.ConsoleRenderer(
                colors=stream.isatty(),
                timestamp_key="time",
                # The usual one quotes local variables: keys, passwords, people's words.
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _lines,
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_FromLogging()], level=max(level, logging.WARNING), force=True)


def access(method: str, path: str, status: int, seconds: float, request_id: str) -> None:
    """One line per request, a few µs, written within half a second. Give the path without its query."""
    lines = _lines
    if len(path) > 40:
        path = _SECRET_PART.sub("***", path)
    quoted = msgspec.json.encode(path).decode()
    ms = f"{seconds * 1000:.1f}"
    if lines.as_json:
        line = (
            f'{{"time":"{lines.stamp()}","level":"info","event":"request","method":"{method}","path":{quoted},'
            f'"status":{status},"ms":{ms},"request_id":"{request_id}"}}'
        )
    else:
        line = f"{lines.stamp()} {method} {quoted[1:-1]} {status} {ms}ms {request_id}"
    lines.gather(line)


def flush() -> None:
    """Writes what waits; at the end of a process and before it forks."""
    _lines.flush()


@contextmanager
def bound(**facts: Any) -> Iterator[None]:
    """All lines logged inside carry these facts, such as request_id or job_id, across awaits."""
    with bound_contextvars(**facts):
        yield


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Replaces values with telling names, and secrets inside of texts."""
    for name, value in event.items():
        if name != "event" and _SECRET_NAME.search(name) and value not in (None, "", True, False):
            event[name] = "***"
        else:
            event[name] = _clean(value)
    return event


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _DETAIL.sub("…", _SECRET_VALUE.sub(_hidden, value))
    if isinstance(value, Mapping):
        return redact(None, "", dict(value))
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    if isinstance(value, BaseException):
        return _clean(f"{type(value).__name__}: {value}")
    return value


def _hidden(match: re.Match[str]) -> str:
    return (match["before"] or match["scheme"] or "") + "***"


def _json(_logger: object, _method: str, event: Mapping[str, Any]) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()


class _FromLogging(logging.Handler):
    """Libraries that log the standard way speak through the same form and redaction."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger()
        logger.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)
