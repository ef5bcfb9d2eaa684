"""Reads `multipart/form-data` as it streams in: one part after the other, nothing kept of what was read."""

from collections import deque
from collections.abc import AsyncIterator

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from polus.base import errors

BROKEN = "The request body is not valid multipart/form-data."
MOST_PARTS = 100  # those without a file included


class Part(msgspec.Struct):
    """One part: its field, and for a file the name and type that the sender gives it; None when it says none."""

    field: str
    filename: str | None
    content_type: str | None

    @property
    def is_file(self) -> bool:
        """Whether it is a file rather than a value of a form."""
        return self.filename is not None or self.content_type is not None


class Reader:
    """Go through `parts`; read `data` of the one you are at, or go on."""

    def __init__(self, content_type: bytes, chunks: AsyncIterator[bytes]) -> None:
        kind, options = parse_options_header(content_type.decode("latin-1"))
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise errors.Invalid({}, BROKEN)
        self._chunks = chunks
        self._happened: deque[Part | bytes | None] = deque()
        self._headers: dict[str, bytes] = {}
        self._name = self._value = b""
        self._at_data = False
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._headers_finished,
                    "on_part_data": self._part_data,
                    "on_part_end": self._part_end,
                    "on_end": self._end,
                },
            )
        except FormParserError:
            raise errors.Invalid({}, BROKEN) from None

    async def parts(self) -> AsyncIterator[Part]:
        """The parts in their order; 400 when the body is broken or ends before it is complete."""
        count = 0
        while True:
            async for _ in self.data():
                pass
            happened = await self._next()
            if happened is None:
                break
            assert isinstance(happened, Part)
            count += 1
            if count > MOST_PARTS:
                raise errors.Invalid({}, BROKEN)
            self._at_data = True
            yield happened

    async def data(self) -> AsyncIterator[bytes]:
        """The bytes of the part at hand, or what is left of them."""
        while self._at_data:
            happened = await self._next()
            if isinstance(happened, bytes):
                yield happened
            else:
                self._at_data = False

    async def _next(self) -> Part | bytes | None:
        """What comes next: a part, some of its bytes, or None at its end and at the very end."""
        while not self._happened:
            if self._ended:
                return None
            chunk = await anext(self._chunks, None)
            if chunk is None:
                raise errors.Invalid({}, BROKEN)
            try:
                self._parser.write(chunk)
            except FormParserError:
                raise errors.Invalid({}, BROKEN) from None
        return self._happened.popleft()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value
        self._name = self._value = b""

    def _headers_finished(self) -> None:
        headers, self._headers = self._headers, {}
        _, options = parse_options_header(headers.get("content-disposition", b"").decode("latin-1"))
        content_type = headers.get("content-type")
        self._happened.append(
            Part(
                field=_text(options.get(b"name", b"")),
                filename=_text(options[b"filename"]) if b"filename" in options else None,
                content_type=None if content_type is None else content_type.decode("latin-1"),
            )
        )

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._happened.append(data[start:end])

    def _part_end(self) -> None:
        self._happened.append(None)

    def _end(self) -> None:
        self._ended = True


def _text(raw: bytes) -> str:
    """Browsers and libraries send names in UTF-8; what is not is read byte by byte."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
