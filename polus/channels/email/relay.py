"""One mail handed to the outgoing mail server, and what that server made of it.

Never raises for anything a server can do. Whether and when to try again is left to the caller.
"""

import asyncio
import contextlib
import functools
import ipaddress
from collections.abc import Awaitable, Callable, Sequence

import aiosmtplib
import msgspec
from aiosmtplib import SMTP

from polus.base import text
from polus.base.settings import Relay
from polus.channels.sending import Outcome
from polus.desk.mail_servers import Server

PATIENCE = 60.0  # seconds for each command
# Whoever hangs up while the server says yes sends the mail twice: RFC 5321 asks for ten minutes here.
LAST_PATIENCE = 600.0
GOODBYE = 2.0
MOST_SAID = 500
NO_RELAY = "No outgoing mail server is configured: set POLUS_SMTP_URL, or one for the address, then send the message again."


class Letter(msgspec.Struct, frozen=True):
    """A mail in its envelope."""

    sender: str
    recipients: Sequence[str]
    raw: bytes
    # Of the address that it is from, when it has one of its own.
    server: Server | None = None


def courier(relay: Relay | None, host: str) -> Callable[[Letter], Awaitable[Outcome]] | str:
    """What carries letters to the relay, `host` being our name there; or why none can be carried."""
    return NO_RELAY if relay is None else functools.partial(send, relay, host=host)


async def send(relay: Relay, letter: Letter, host: str) -> Outcome:
    """Hand one mail over; `host` is our name in EHLO."""
    client = SMTP(
        hostname=relay.host,
        port=relay.port,
        use_tls=relay.implicit_tls,
        # Without a password nothing is lost by encrypting to a server that cannot prove its name.
        validate_certs=relay.implicit_tls or relay.user is not None,
        local_hostname=host,
        timeout=PATIENCE,
    )
    everybody = tuple(letter.recipients)
    try:
        await client.connect()
        await _log_in(client, relay)
        return await hand_over(client, letter)
    except aiosmtplib.SMTPResponseException as error:
        # The server does not want us at all, which says nothing about the mail.
        return Outcome(False, _said(error.code, error.message), later=everybody)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        return Outcome(False, _cut(f"{type(error).__name__}: {error}"), later=everybody)
    finally:
        await hang_up(client)


async def _log_in(client: SMTP, relay: Relay) -> None:
    if relay.user is None or relay.password is None:
        return
    if client.get_transport_info("sslcontext") is None and not _is_local(relay.host):
        raise aiosmtplib.SMTPException("the relay offers no encryption, and the password is not sent without")
    await client.login(relay.user, relay.password)


async def hand_over(client: SMTP, letter: Letter) -> Outcome:
    """On a connection that is logged in; raises for what breaks the connection."""
    everybody = tuple(letter.recipients)
    options = [] if "".join((letter.sender, *everybody)).isascii() else ["SMTPUTF8"]
    try:
        refused, said = await client.sendmail(
            letter.sender, everybody, letter.raw, mail_options=options, timeout=LAST_PATIENCE
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = {one.recipient: one.code for one in error.recipients}
        said = "; ".join(_said(one.code, one.message) for one in error.recipients[:5])
        return Outcome(False, said, *_divided(codes))
    except aiosmtplib.SMTPNotSupported as error:
        return Outcome(False, _cut(str(error)), never=everybody)
    except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as error:
        permanent = error.code >= 500
        said = _said(error.code, error.message)
        return Outcome(
            False, said, never=everybody if permanent else (), later=() if permanent else everybody
        )
    codes = {one: reply.code for one, reply in refused.items()}
    told = "; ".join(_said(reply.code, reply.message) for reply in refused.values())
    return Outcome(True, _cut(told or said), *_divided(codes))


def _divided(codes: dict[str, int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    never = tuple(one for one, code in codes.items() if code >= 500)
    return never, tuple(one for one in codes if one not in never)


def _said(code: int, message: str) -> str:
    return _cut(f"{code} {message}")


def _cut(said: str) -> str:
    """Storable: what a server says in Latin-1 arrives with lone surrogates, which PostgreSQL refuses."""
    return text.clean(said)[:MOST_SAID]


async def hang_up(client: SMTP) -> None:
    """Politely if that is quick; whatever happens here changes nothing about the mail."""
    with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        async with asyncio.timeout(GOODBYE):
            await client.quit()
    client.close()


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
