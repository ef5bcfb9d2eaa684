"""Notices: mails of the helpdesk itself to its users. Who sends them is `channels.email`."""

from polus.store.work import Work

ADD = """
insert into notices (account_id, recipient, subject, body_text, created_datetime, due_datetime)
values ($1, $2, $3, $4, $5, $5) returning id
"""


async def add(work: Work, recipient: str, subject: str, body_text: str) -> int:
    """Have a mail sent after the commit; its id."""
    notice_id: int = await work.db.fetchval(ADD, work.account.id, recipient, subject, body_text, work.now)
    work.ring("work", "notices")
    return notice_id
