"""A conversation with an IMAP server, in threads, one command at a time: bounded in bytes and time, failing in plain words.

Reads only: folders are opened with EXAMINE and mails fetched with BODY.PEEK, so nothing in the mailbox changes. Which
mails are fetched and what becomes of them is `fetching`'s. Why IMAPClient: docs/decisions/0060-imap.md.
"""

import asyncio
import contextlib
import datetime
import imaplib
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec
from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import CapabilityError, IMAPClientAbortError, IMAPClientError, LoginError

from polus.base import clock
from polus.channels.email import dialling, grants
from polus.channels.email.troubles import Trouble
from polus.desk import mail_servers
from polus.desk.mail_servers import Server
from polus.store.database import Database

PATIENCE = 30.0  # seconds for each read
COMMAND_PATIENCE = 300.0  # for a command with all that it brings
LONGEST_LINE = 1_000_000  # bytes
MOST_BYTES = 48 * 1024 * 1024  # that one command may bring
FAREWELL = 2.0
NAMED_FOLDERS = 30

# Commands of all mailboxes; waiting for news needs no thread.
THREADS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="imap")

# Its lines quote what is said on the wire.
logging.getLogger("imapclient").setLevel(logging.WARNING)

Result = TypeVar("Result")


class Opened(msgspec.Struct, frozen=True):
    """What a server says of a folder: which numbering is valid, and the highest number given so far."""

    uid_validity: int
    top: int


class Listed(msgspec.Struct, frozen=True):
    """A mail that could be fetched: its number, how many bytes, and when the server got it."""

    uid: int
    size: int
    dated: datetime.datetime | None


class _Wire(imaplib.IMAP4):
    """imaplib on a socket that is connected already, reading no more than is allowed for one command.

    It holds what it read ahead itself: news that came in one piece with the answer to IDLE would never make the socket
    readable again.
    """

    def __init__(self, connected: socket.socket, host: str) -> None:
        self.connected = connected
        self.allowance = MOST_BYTES
        self.ahead = bytearray()
        super().__init__(host)  # by which STARTTLS checks the certificate

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return self.connected

    def read(self, size: int) -> bytes:
        """So many bytes, fewer at the end; refuses what is too much before it is read."""
        self._spend(size)
        while len(self.ahead) < size and self._more():
            pass
        return self._taken(size)

    def readline(self) -> bytes:
        """One line; what there is at the end."""
        searched = 0
        while (end := self.ahead.find(b"\n", searched)) < 0:
            searched = len(self.ahead)
            if searched > LONGEST_LINE:
                raise self.abort("a line of it is too long")
            if not self._more():
                end = len(self.ahead) - 1
                break
        self._spend(end + 1)
        return self._taken(end + 1)

    def _more(self) -> bool:
        piece = self.sock.recv(65_536)
        self.ahead += piece
        return bool(piece)

    def _taken(self, size: int) -> bytes:
        taken = bytes(self.ahead[:size])
        del self.ahead[:size]
        return taken

    def _spend(self, size: int) -> None:
        self.allowance -= size
        if self.allowance < 0:
            raise self.abort("it sends more than was asked for")


class _Client(IMAPClient):  # type: ignore[misc]
    """IMAPClient on such a socket."""

    def __init__(self, connected: socket.socket, host: str) -> None:
        self._connected = connected
        super().__init__(host, ssl=False, timeout=SocketTimeout(PATIENCE, PATIENCE))
        self.normalise_times = False

    def _create_IMAP4(self) -> _Wire:
        return _Wire(self._connected, self.host)

    def allow(self) -> None:
        """The next command may bring its share."""
        self._imap.allowance = MOST_BYTES

    @property
    def wire(self) -> socket.socket:
        """The socket, after STARTTLS that which is encrypted."""
        return self._imap.sock  # type: ignore[no-any-return]

    @property
    def unread(self) -> bool:
        """Whether something was read from the socket that nobody asked for yet."""
        ahead: bytearray = self._imap.ahead
        return bool(ahead) or (isinstance(self.wire, ssl.SSLSocket) and self.wire.pending() > 0)


class Conversation:
    """An open, logged-in connection. Every method raises Trouble for whatever the server or the network does."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._client: Any = None
        self._socket: socket.socket | None = None

    async def open(self, database: Database) -> None:
        """Connect and log in."""
        server = self._server
        self._socket = await dialling.connect(server.host, server.port, database.allowed)
        try:
            await self._run(self._greet)
            if server.login.auth == "oauth2":
                await grants.log_in(database, server, self._log_in_by_token)
            else:
                await self._run(self._log_in)
        except BaseException:
            self.cut()
            raise

    async def _log_in_by_token(self, token: str) -> None:
        await self._run(lambda: self._client.oauth2_login(self._server.login.username, token))

    def _greet(self) -> None:
        assert self._socket is not None
        server = self._server
        self._socket.settimeout(PATIENCE)
        if server.security == "tls":
            self._socket = dialling.context().wrap_socket(self._socket, server_hostname=server.host)
        self._client = _Client(self._socket, server.host)
        if server.security == "starttls":
            try:
                self._client.starttls(dialling.context())
            except CapabilityError:
                raise Trouble("starttls-missing", host=server.host, port=server.port) from None
            self._socket = self._client.wire
            if self._client.unread:
                # Said in plain text by whoever stands between, to be taken for an answer of the server.
                raise Trouble("tls-failed", host=server.host, said="there were words before it")
        encrypted = isinstance(self._socket, ssl.SSLSocket)
        if not encrypted and not mail_servers.is_local(server.host):
            raise Trouble("unencrypted", host=server.host)

    def _log_in(self) -> None:
        login = self._server.login
        password = login.secret.get("password")
        if password is None:
            raise Trouble("secret-unreadable", host=self._server.host)
        # LOGIN knows no letters but ASCII's.
        if self._client.has_capability("AUTH=PLAIN"):
            self._client.plain_login(login.username, password)
        elif self._client.has_capability("LOGINDISABLED") or not (login.username + password).isascii():
            raise Trouble("login-unsupported", host=self._server.host)
        else:
            self._client.login(login.username, password)

    async def folders(self) -> list[str]:
        """The names of all folders that can be opened."""
        found = await self._run(self._opened().list_folders)
        return [str(name) for flags, _, name in found if b"\\Noselect" not in flags]

    async def examine(self, folder: str) -> Opened:
        """Open a folder for reading."""
        client = self._opened()
        try:
            told = await self._run(lambda: client.select_folder(folder, readonly=True))
        except _Refused as refused:
            await self._explain(folder, refused)
            raise
        validity, following = told.get(b"UIDVALIDITY"), told.get(b"UIDNEXT")
        if validity is None or following is None:
            raise Trouble("odd", host=self._server.host, said="it does not number the mails of " + folder)
        return Opened(int(validity), int(following) - 1)

    async def _explain(self, folder: str, refused: "_Refused") -> None:
        there = await self.folders()
        if folder not in there and folder.upper() != "INBOX":
            names = ", ".join(there[:NAMED_FOLDERS])
            raise Trouble("folder-missing", folder=folder, folders=names) from None
        raise Trouble("folder-refused", folder=folder, host=self._server.host, said=refused.said) from None

    async def search(self, first: int, last: int, since: datetime.date | None = None) -> list[int]:
        """The numbers from `first` to `last` that there are, rising; only those that the server got since a day."""
        asked: list[Any] = ["UID", f"{first}:{last}"] + ([] if since is None else ["SINCE", since])
        found = await self._run(lambda: self._opened().search(asked))
        # wire: "n:*" and the like bring the last mail even when its number is smaller
        return sorted({uid for uid in found if first <= uid <= last})

    async def sizes(self, uids: Sequence[int]) -> list[Listed]:
        """What of these is still there, in the order of the numbers."""
        found = await self._run(lambda: self._opened().fetch(uids, ["RFC822.SIZE", "INTERNALDATE"]))
        return [
            Listed(uid, int(told[b"RFC822.SIZE"]), _utc(told.get(b"INTERNALDATE")))
            for uid, told in sorted(found.items())
            if b"RFC822.SIZE" in told
        ]

    async def raw(self, uid: int, part: str = "") -> bytes | None:
        """A mail as it is, or its `HEADER`; None when it was removed meanwhile. Raises Withheld when the server says no."""
        try:
            found = await self._run(lambda: self._opened().fetch([uid], [f"BODY.PEEK[{part}]"]))
        except _Refused as refused:
            raise Withheld(self._server.host, refused.said) from None
        raw: bytes | None = found.get(uid, {}).get(f"BODY[{part}]".encode())
        return raw

    async def wait(self, seconds: float, stirred: asyncio.Event) -> None:
        """Until something happens in the opened folder or `stirred` is set, or for so long."""
        client = self._opened()
        if not await self._run(lambda: client.has_capability("IDLE")):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stirred.wait(), seconds)
            return
        await self._run(client.idle)
        await self._readable(seconds, stirred)
        await self._run(client.idle_done)

    async def _readable(self, seconds: float, stirred: asyncio.Event) -> None:
        wire, heard = self._socket, asyncio.Event()
        assert wire is not None
        if self._opened().unread:
            return
        loop, number = asyncio.get_running_loop(), wire.fileno()
        loop.add_reader(number, heard.set)
        waits = [asyncio.create_task(heard.wait()), asyncio.create_task(stirred.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loop.remove_reader(number)
            for one in waits:
                one.cancel()

    async def close(self) -> None:
        """Say good-bye if that is quick, and hang up."""
        client = self._client
        if client is not None:
            with contextlib.suppress(Trouble, TimeoutError):
                async with asyncio.timeout(FAREWELL):
                    await self._run(client.logout)
        self.cut()

    def cut(self) -> None:
        """Hang up; a thread that is reading ends."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

    def _opened(self) -> Any:
        if self._client is None:
            raise Trouble("hung-up", host=self._server.host)
        return self._client

    async def _run(self, command: Callable[[], Result]) -> Result:
        """One command in a thread; whoever does not wait for it any longer hangs up, which ends the thread."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(COMMAND_PATIENCE):
                return await loop.run_in_executor(THREADS, lambda: self._said(command))
        except TimeoutError:
            self.cut()
            raise Trouble("silent", host=self._server.host, port=self._server.port) from None
        except asyncio.CancelledError:
            self.cut()
            raise

    def _said(self, command: Callable[[], Result]) -> Result:
        """In the thread: the command, and what its errors mean."""
        server = self._server
        if self._client is not None:
            self._client.allow()
        with dialling.in_words(server.host, server.port):
            try:
                return command()
            except LoginError as error:
                # The library calls it so as well when the connection broke meanwhile.
                if isinstance(error.__context__, IMAPClientAbortError):
                    raise self._broken(error) from None
                raise Trouble(
                    "login-refused", host=server.host, username=server.login.username, said=_words(error)
                ) from None
            except CapabilityError:
                raise Trouble("login-unsupported", host=server.host) from None
            except IMAPClientAbortError as error:
                raise self._broken(error) from None
            except IMAPClientError as error:
                raise _Refused(server.host, _words(error)) from None
            except ssl.SSLError:  # some of them are ValueErrors
                raise
            except (ValueError, KeyError, IndexError, TypeError, AssertionError) as error:
                # What a server can write that the library does not understand.
                raise Trouble("odd", host=server.host, said=type(error).__name__) from None

    def _broken(self, error: Exception) -> Trouble:
        server, said = self._server, _words(error)
        if "EOF" in said or "socket error" in said or "unterminated" in said:
            return Trouble("hung-up", host=server.host)
        return Trouble("odd", host=server.host, said=said)


class _Refused(Trouble):
    """The server said no to a command."""

    def __init__(self, host: str, said: str) -> None:
        super().__init__("odd", host=host, said=said)
        self.said = said


class Withheld(Trouble):
    """The server does not hand a mail over that it lists."""

    def __init__(self, host: str, said: str) -> None:
        super().__init__("odd", host=host, said=said)


def _words(error: Exception) -> str:
    """What the server said, out of the library's text."""
    said = error.args[0] if error.args else ""
    told = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return told.removeprefix("b'").removesuffix("'")


def _utc(given: datetime.datetime | None) -> datetime.datetime | None:
    """When the server got a mail; a moment that is still to come cannot be."""
    if given is None:
        return None
    moment = given.replace(tzinfo=datetime.UTC) if given.tzinfo is None else given.astimezone(datetime.UTC)
    return min(moment, clock.now())
