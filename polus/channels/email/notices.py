"""The helpdesk's own mails, sent the way agents' messages are."""

from polus.channels.email import compose, dkim_signing, routes
from polus.channels.email.addresses import Address
from polus.channels.email.compose import Outgoing
from polus.channels.email.relay import Letter
from polus.channels.sending import Outcome
from polus.store.queue import Key
from polus.store.work import Work

# From the address that the ticket's mails came to, else from the account's oldest one that is in use.
NOTICE = """
select n.id, n.recipient, n.subject, n.body_text, n.body_html, n.created_datetime, n.ticket_id,
  i.id as integration_id, i.meta->>'address' as sender, i.name
from notices n left join tickets t on t.account_id = n.account_id and t.id = n.ticket_id
left join lateral (select * from integrations i where i.account_id = n.account_id and i.type = 'email'
  and i.deactivated_datetime is null
  order by i.id = any(t.integration_ids) desc nulls last, i.id limit 1) i on true
where n.account_id = $1 and n.id = $2
"""


class Notices:
    """The errand of notices. One that cannot be sent is gone with a line in the log: nobody waits for it in a ticket."""

    table = "notices"
    id = "id"
    line = "false"

    async def letter(self, work: Work, key: Key) -> Letter:
        """The notice as a mail."""
        row = await work.db.fetchrow(NOTICE, *key)
        if row is None or row["sender"] is None:
            raise ValueError("The account has no e-mail address to send from.")
        route = await routes.of(work, row["integration_id"], row["sender"], row["ticket_id"])
        answers = route.answers
        raw = compose.compose(
            Outgoing(
                from_=Address(row["name"], row["sender"]),
                to=(Address("", row["recipient"]),),
                reply_to=(Address(row["name"], answers),) if answers != row["sender"] else (),
                message_id=f"<notice-{row['id']}@{row['sender'].rpartition('@')[2]}>",
                date=row["created_datetime"],
                subject=row["subject"],
                body_text=row["body_text"],
                body_html=row["body_html"],
                automatic=True,
                loop_token=work.account.hash,
            )
        )
        raw = await dkim_signing.signed(work, raw, row["sender"], row["created_datetime"])
        return Letter(row["sender"], [row["recipient"]], raw, route.server)

    async def sent(self, work: Work, key: Key, outcome: Outcome) -> None:
        """Nothing more is known of it."""

    async def failed(self, work: Work, key: Key, said: str, *, retriable: bool) -> None:
        """Nothing more is known of it."""

    async def remaining(self, work: Work, key: Key, recipients: tuple[str, ...]) -> None:
        """There is one recipient only."""
