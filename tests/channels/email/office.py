"""A shop with an e-mail address: mails are put into its journal and processed as the worker would do it."""

import json
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from polus.channels.email import journal
from polus.channels.email.journal import Mailbox
from polus.channels.email.receive import Receiver
from polus.desk import integrations
from polus.desk.accounts import Book
from polus.store.work import SYSTEM, writing
from tests.world import World


def mail(
    text: str = "Where is my order?",
    *,
    sender: str = "Jane Doe <jane@customer.example>",
    to: str = "support@shop.example",
    html: str | None = None,
    files: list[tuple[str, str, bytes]] | None = None,
    **headers: str,
) -> bytes:
    """A mail as a mail program writes it; `in_reply_to="<…>"` becomes the header In-Reply-To."""
    message = EmailMessage()
    message["From"], message["To"] = sender, to
    for name, value in headers.items():
        message[name.replace("_", "-").title().replace("-Id", "-ID")] = value
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    for name, kind, content in files or ():
        main, _, sub = kind.partition("/")
        message.add_attachment(content, main, sub, filename=name)
    return message.as_bytes()


@dataclass
class Office:
    """The journal of one shop."""

    world: World
    address: str
    integration_id: int
    receiver: Receiver

    async def write(self, raw: bytes, *, sender: str = "jane@customer.example", to: str = "") -> int:
        """Journal a mail; its id."""
        box = Mailbox(self.world.account.id, self.integration_id)
        ((_, mail_id),) = await journal.write(self.world.database, sender, [(to or self.address, box)], raw)
        return mail_id

    async def process(self, mail_id: int) -> Any:
        """Work on it once; its row."""
        await self.receiver.run((self.world.account.id, mail_id))
        return await self.row(mail_id)

    async def deliver(self, raw: bytes, **envelope: str) -> Any:
        """Both."""
        return await self.process(await self.write(raw, **envelope))

    async def row(self, mail_id: int) -> Any:
        rows = await self.world.rows("select * from mails where account_id = $1 and id = $2", mail_id)
        return rows[0]

    async def ticket(self, ticket_id: int) -> Any:
        """As the API tells it."""
        answer = await self.world.ada.get(f"/api/tickets/{ticket_id}")
        assert answer.status == 200, answer.raw
        return answer.json

    async def message(self, row: Any) -> Any:
        answer = await self.world.ada.get(f"/api/tickets/{row['ticket_id']}/messages/{row['message_id']}")
        assert answer.status == 200, answer.raw
        return answer.json

    async def answer(self, ticket_id: int, text: str = "On its way.", **more: Any) -> Any:
        """An agent's e-mail, through the API."""
        body = {"channel": "email", "from_agent": True, "via": "api", "body_text": text, **more}
        answer = await self.world.leo.post(f"/api/tickets/{ticket_id}/messages", body)
        assert answer.status == 201, answer.raw
        return answer.json

    async def setting(self, kind: str, data: Any) -> None:
        await self.world.rows(
            "update account_settings set data = $3::jsonb where account_id = $1 and type = $2 returning 1",
            kind,
            json.dumps(data),
        )


async def opened(world: World) -> Office:
    """An address for the shop."""
    address = f"support@{world.account.domain}.example"
    async with writing(world.database, world.account, SYSTEM) as work:
        integration_id = await integrations.add_email(work, address, "Support")
    await world.rows("delete from events where account_id = $1 returning 1")
    receiver = Receiver(world.database, Book(world.database, "http://helpdesk.example"))
    return Office(world, address, integration_id, receiver)
