"""Mails handed to a mail server of their address's own, with its login, instead of to the installation's relay.

Never raises for anything a server can do; whether and when to try again is left to the caller. What was wrong with the
server stands in its row (`desk.mail_servers`).
"""

import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import aiosmtplib
import structlog
from aiosmtplib import SMTP

from polus.base import clock, wire
from polus.base.settings import Relay
from polus.channels.email import dialling, grants, relay
from polus.channels.email.relay import Letter
from polus.channels.email.troubles import Trouble
from polus.channels.sending import Outcome
from polus.desk import mail_servers
from polus.desk.mail_servers import Server
from polus.store.database import Database
from polus.store.pool import AWAY

STATE = """
update mail_servers set state = case when $4::text is null then 'well' else 'trouble' end, error_code = $4,
  error_facts = $5::jsonb, error = $8, error_datetime = case when $4 is not null then $6::timestamptz end,
  failures = case when $4 is null then 0 else failures + 1 end,
  active_datetime = case when $4 is null then $6 else active_datetime end
where account_id = $1 and integration_id = $2 and way = $3 and updated_datetime = $7
"""

log = structlog.get_logger(__name__)


def courier(
    database: Database, installation: Relay | None, host: str
) -> Callable[[Letter], Awaitable[Outcome | str]]:
    """What carries letters to their address's server, else to the installation's relay; `host` is our name there."""
    common = relay.courier(installation, host)

    async def carry(letter: Letter) -> Outcome | str:
        if letter.server is not None:
            return await send(database, letter.server, letter, host)
        return common if isinstance(common, str) else await common(letter)

    return carry


async def send(database: Database, server: Server, letter: Letter, host: str) -> Outcome:
    """Hand one mail over."""
    trouble: Trouble | None = None
    try:
        async with connected(database, server, host, relay.PATIENCE) as client:
            outcome = await relay.hand_over(client, letter)
    except Trouble as given:
        trouble = given
        outcome = Outcome(False, str(given), later=tuple(letter.recipients))
    await note(database, server, trouble)
    return outcome


async def note(database: Database, server: Server, trouble: Trouble | None) -> None:
    """Write down how the server is doing; not when its settings were changed meanwhile."""
    told = (trouble.code, wire.jsonb(trouble.facts)) if trouble else (None, None)
    key = (server.account_id, server.integration_id, server.way)
    try:
        async with database.pool.acquire() as db:
            await db.execute(STATE, *key, *told, clock.now(), server.updated, trouble and str(trouble))
    except AWAY as error:
        # It is written at the next mail; what became of this one must not wait for it.
        log.warning("the state of a mail server was not written", id=key[1], error=repr(error))


@contextlib.asynccontextmanager
async def connected(database: Database, server: Server, host: str, patience: float) -> AsyncIterator[SMTP]:
    """A connection on which mails may be handed over. Raises Trouble for what goes wrong before, or with the wire."""
    dialled = await dialling.connect(server.host, server.port, database.allowed)
    client = SMTP(
        hostname=server.host,
        sock=dialled,
        use_tls=server.security == "tls",
        start_tls=False,
        tls_context=dialling.context(),
        local_hostname=host,
        timeout=patience,
    )
    try:
        with _in_words(server):
            await client.connect()
            await _secure(client, server)
            await client.ehlo()
            await _log_in(client, database, server)
            yield client
    finally:
        # The transport owns what was dialled and closes it in its own time: TLS says good-bye first. A socket closed
        # under it would leave its number to the next connection, and two would share one.
        await relay.hang_up(client)


async def _secure(client: SMTP, server: Server) -> None:
    if server.security == "starttls":
        await client.ehlo()
        if not client.supports_extension("starttls"):
            raise Trouble("starttls-missing", host=server.host, port=server.port)
        await client.starttls(server_hostname=server.host)


async def _log_in(client: SMTP, database: Database, server: Server) -> None:
    login = server.login
    if login.auth == "none":
        return
    if client.get_transport_info("sslcontext") is None and not mail_servers.is_local(server.host):
        raise Trouble("unencrypted", host=server.host)
    methods = set(client.server_auth_methods)
    if not methods & ({"xoauth2"} if login.auth == "oauth2" else {"plain", "login", "cram-md5"}):
        raise Trouble("login-unsupported", host=server.host)
    if login.auth == "oauth2":

        async def by_token(token: str) -> None:
            await _tried(server, client.auth_xoauth2(login.username, token))

        await grants.log_in(database, server, by_token)
    elif "password" not in login.secret:
        raise Trouble("secret-unreadable", host=server.host)
    else:
        await _tried(server, client.login(login.username, login.secret["password"]))


async def _tried(server: Server, attempt: Awaitable[object]) -> None:
    try:
        await attempt
    except aiosmtplib.SMTPAuthenticationError as error:
        said = f"{error.code} {error.message}"
        raise Trouble("login-refused", host=server.host, username=server.login.username, said=said) from None


@contextlib.contextmanager
def _in_words(server: Server) -> Iterator[None]:
    try:
        with dialling.in_words(server.host, server.port):
            try:
                yield
            except aiosmtplib.SMTPException as error:
                raise _cause(error) from error
    except aiosmtplib.SMTPException as error:
        said = (
            f"{error.code} {error.message}" if isinstance(error, aiosmtplib.SMTPResponseException) else error
        )
        raise Trouble("odd", host=server.host, said=said) from None


def _cause(error: BaseException) -> BaseException:
    """What TLS said, when that is what the library's error is about; else the error."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLError):
            return found
        found = found.__cause__ or found.__context__
    return error
