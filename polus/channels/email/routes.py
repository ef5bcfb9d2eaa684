"""By which server a mail leaves, and where answers to it and bounces of it go."""

import msgspec

from polus.channels.email import threading
from polus.desk import mail_servers
from polus.desk.mail_servers import Server
from polus.store.work import Work


class Route(msgspec.Struct, frozen=True):
    """`server` None: the installation's relay."""

    answers: str
    bounces: str
    server: Server | None


async def of(work: Work, integration_id: int | None, sender: str, ticket_id: int | None) -> Route:
    """For a mail from `sender`, an address of that integration, about a ticket or none.

    Answers go to an address with the ticket's token where such addresses arrive. Bounces do so, too, but for servers
    with a login: those let nobody send from an address that is not the login's.
    """
    server, answers = None, sender
    if integration_id is not None:
        server = await mail_servers.get(work, integration_id, "out")
    if ticket_id is not None and (
        integration_id is None or await mail_servers.takes_tags(work, integration_id)
    ):
        secret = work.database.secret_key.encode()
        answers = threading.reply_address(sender, secret, work.account.id, ticket_id)
    return Route(answers, answers if server is None else sender, server)
