"""The test buttons of an address's mail servers: connect, log in, look, and say in plain words what is wrong.

Nothing is fetched and nothing is sent. What came out is also kept as the server's state.
"""

import asyncio
from collections.abc import Awaitable

from polus.base import errors
from polus.channels.email import relay, submission
from polus.channels.email.imap import Conversation
from polus.channels.email.troubles import Trouble
from polus.desk import mail_servers
from polus.desk.mail_servers import Server
from polus.store.database import Database
from polus.store.work import SYSTEM, Account, reading

SECONDS = 25.0  # somebody waits for the answer
TLS_PORTS = (465, 993)
FOLDERS = "select name from mail_folders where account_id = $1 and integration_id = $2 order by place"


async def test(
    database: Database, account: Account, integration_id: int, way: str, host: str
) -> Trouble | None:
    """What is wrong with the server, None when it works; `host` is our name in SMTP. 404."""
    async with reading(database, account, SYSTEM) as work:
        await mail_servers.address(work, integration_id)
        server = await mail_servers.get(work, integration_id, way)
        names = [row["name"] for row in await work.db.fetch(FOLDERS, account.id, integration_id)]
    if server is None:
        raise errors.NotFound
    trouble = await _tried(
        server, _mailbox(database, server, names) if way == "in" else _submission(database, server, host)
    )
    if way == "out" or trouble is not None:
        # That a mailbox is well is for its worker to say, who fetches from it.
        await submission.note(database, server, trouble)
    return trouble


async def _tried(server: Server, attempt: Awaitable[None]) -> Trouble | None:
    try:
        async with asyncio.timeout(SECONDS):
            await attempt
    except TimeoutError:
        return _silent(server, Trouble("silent", host=server.host, port=server.port))
    except Trouble as trouble:
        return _silent(server, trouble)
    return None


def _silent(server: Server, trouble: Trouble) -> Trouble:
    """Who waits for TLS says nothing to those who speak plainly."""
    if trouble.code in ("silent", "hung-up") and server.port in TLS_PORTS and server.security != "tls":
        return Trouble("tls-needed", host=server.host, port=server.port)
    return trouble


async def _mailbox(database: Database, server: Server, names: list[str]) -> None:
    conversation = Conversation(server)
    try:
        await conversation.open(database)
        for name in names:
            await conversation.examine(name)
    finally:
        await conversation.close()


async def _submission(database: Database, server: Server, host: str) -> None:
    """As far as to the envelope: many servers judge the sender only when they hear of a recipient."""
    async with submission.connected(database, server, host, relay.PATIENCE) as client:
        answer = await client.execute_command(b"MAIL", f"FROM:<{server.address}>".encode())
        if answer.code >= 400:
            said = f"{answer.code} {answer.message}"
            raise Trouble("sender-refused", host=server.host, address=server.address, said=said)
        answer = await client.execute_command(b"RCPT", f"TO:<{server.address}>".encode())
        if answer.code >= 400:
            said = f"{answer.code} {answer.message}"
            code = "sender-refused" if "sender" in said.lower() else "recipient-refused"
            raise Trouble(code, host=server.host, address=server.address, said=said)
        await client.rset()
