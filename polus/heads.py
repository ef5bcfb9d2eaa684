"""HTTP/1.1 as uvicorn speaks it, with an end to the head of a request: a line or list of headers that never ends would
fill the memory, for the parser keeps what it has until the head is whole."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST = 64 * 1024
"""Bytes of the request line and all headers."""

TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Bounded(HttpToolsProtocol):
    """One connection. A head of more than `MOST` bytes is answered 431, and the connection ends."""

    _is_head = True
    _moved = False
    _received = 0

    def data_received(self, data: bytes) -> None:
        """What came in. Of a read in which a head or a body ended nothing counts: one read brings little."""
        self._moved = False
        super().data_received(data)
        self._received = self._received + len(data) if self._is_head and not self._moved else 0
        if self._received > MOST and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """From here on it is the body, which others bound."""
        self._is_head, self._moved = False, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next request may follow on the same connection."""
        self._is_head, self._moved = True, True
        super().on_message_complete()
