"""A connection to a mail server: to addresses that `base.outbound` lets us reach, in bounded time, failing in plain words."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator

from polus.base import outbound
from polus.base.outbound import Allowed
from polus.channels.email.troubles import Trouble

SECONDS = 10.0  # for each address of the host


async def connect(host: str, port: int, allowed: Allowed) -> socket.socket:
    """A connected socket that does not block. Raises Trouble.

    The addresses that were checked are dialled: a second answer of the DNS cannot lead elsewhere.
    """
    try:
        found = await outbound.addresses(outbound.host_of(host), port, allowed)
    except outbound.Unresolved:
        raise Trouble("host-unknown", host=host) from None
    except outbound.Refused as refused:
        code = "host-private" if str(refused) == outbound.NOT_PUBLIC else "host-invalid"
        raise Trouble(code, host=host) from None
    trouble: Trouble | None = None
    for address in found:
        try:
            return await _dial(
                str(address), port, socket.AF_INET if address.version == 4 else socket.AF_INET6
            )
        except ConnectionRefusedError:
            trouble = Trouble("refused", host=host, port=port)
        except TimeoutError:
            trouble = Trouble("silent", host=host, port=port)
        except OSError:
            trouble = trouble or Trouble("unreachable", host=host, port=port)
    assert trouble is not None
    raise trouble


async def _dial(address: str, port: int, family: socket.AddressFamily) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setblocking(False)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        async with asyncio.timeout(SECONDS):
            await asyncio.get_running_loop().sock_connect(made, (address, port))
    except BaseException:
        made.close()
        raise
    return made


def context() -> ssl.SSLContext:
    """Valid certificates only, of authorities that this machine trusts; TLS 1.2 or newer."""
    made = ssl.create_default_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


@contextlib.contextmanager
def in_words(host: str, port: int) -> Iterator[None]:
    """What goes wrong on the wire becomes Trouble."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Trouble("certificate", host=host, said=error.verify_message) from None
    except ssl.SSLError as error:
        # wire: a server that begins in plain text looks like "WRONG_VERSION_NUMBER" to TLS
        plain = error.reason in ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG")
        if plain:
            raise Trouble("tls-missing", host=host, port=port) from None
        raise Trouble("tls-failed", host=host, said=error.reason or type(error).__name__) from None
    except TimeoutError:
        raise Trouble("silent", host=host, port=port) from None
    except (OSError, EOFError):
        raise Trouble("hung-up", host=host) from None
