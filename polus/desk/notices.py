"""Notices: mails of the helpdesk itself, to its users and to visitors of chats. Who sends them is `channels.email`."""

from polus.store.work import Work

ADMINS = """
select email, name from users where account_id = $1 and role = 'admin' and active and deleted_datetime is null
order by id
"""

ADD = """
insert into notices (account_id, recipient, subject, body_text, created_datetime, due_datetime, ticket_id,
  body_html)
values ($1, $2, $3, $4, $5, $5, $6, $7) returning id
"""


async def add(
    work: Work,
    recipient: str,
    subject: str,
    body_text: str,
    *,
    ticket_id: int | None = None,
    body_html: str | None = None,
) -> int:
    """Have a mail sent after the commit; its id. Answers to it go into the ticket, if one is named."""
    notice_id: int = await work.db.fetchval(
        ADD, work.account.id, recipient, subject, body_text, work.now, ticket_id, body_html
    )
    work.ring("work", "notices")
    return notice_id


async def tell_admins(work: Work, subject: str, body_text: str) -> None:
    """Have each active admin sent this mail, greeted by name."""
    for admin in await work.db.fetch(ADMINS, work.account.id):
        await add(work, admin["email"], subject, "Hello " + admin["name"] + ",\n\n" + body_text)
