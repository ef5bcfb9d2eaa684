"""Answers that a visitor has not seen go on by mail: once each, and what he answers to the mail comes into his ticket."""

from typing import Any

from polus.base import html
from polus.desk import notices
from polus.store.queue import Key
from polus.store.work import Work

DUE = """
select account_id, id from chat_visitors where mail_due_datetime <= $1 order by mail_due_datetime limit $2
"""
TAKE = """
select v.id, v.email, v.ticket_id, greatest(v.read_line, v.mailed_line) as told, i.name
from chat_visitors v join integrations i on i.account_id = v.account_id and i.id = v.integration_id
where v.account_id = $1 and v.id = $2 and v.mail_due_datetime <= $3 for update of v skip locked
"""
UNSEEN = """
select l.id, m.ticket_id, m.body_text, m.body_html
from chat_lines l join messages m on m.account_id = l.account_id and m.id = l.message_id
where l.account_id = $1 and l.visitor_id = $2 and l.id > $3 and m.from_agent and m.deleted_datetime is null
order by l.id limit 100
"""
DONE = """
update chat_visitors set mail_due_datetime = null, mailed_line = greatest(mailed_line, $3)
where account_id = $1 and id = $2
"""
SUBJECT = "Answer from {name}"
FOOT = "You wrote to us in the chat on our pages. Answer this mail to go on."


async def due(db: Any, now: Any, most: int) -> list[Key]:
    """The visitors, of all accounts, whose time has come."""
    return [(row[0], row[1]) for row in await db.fetch(DUE, now, most)]


async def send(work: Work, visitor_id: int) -> bool:
    """Write one visitor's mail, and down that it was written; False when somebody else does."""
    row = await work.db.fetchrow(TAKE, work.account.id, visitor_id, work.now)
    if row is None:
        return False
    await _write(work, row)
    return True


async def _write(work: Work, row: Any) -> None:
    unseen = await work.db.fetch(UNSEEN, work.account.id, row["id"], row["told"])
    if unseen and row["email"]:
        said = [line["body_text"] or html.to_text(line["body_html"] or "") for line in unseen]
        body = "\n\n".join([*said, "-- ", FOOT])
        subject = SUBJECT.format(name=row["name"])
        await notices.add(work, row["email"], subject, body, ticket_id=unseen[-1]["ticket_id"])
    newest = unseen[-1]["id"] if unseen else 0
    await work.db.execute(DONE, work.account.id, row["id"], newest)
