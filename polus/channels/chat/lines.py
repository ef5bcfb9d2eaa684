"""What stands in a visitor's chat: his words, which become messages of his ticket, and the answers that agents give.

A line is a pointer to a message, so the chat shows exactly what was said to and by this visitor, whatever tickets are
merged or customers turn out to be the same.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from polus.base import clock, crypto, errors, html, text
from polus.channels import inbound
from polus.channels.chat import chats, visitors
from polus.channels.chat.chats import Chat
from polus.channels.chat.visitors import Visitor
from polus.channels.inbound import Clue, Inbound
from polus.desk import files
from polus.desk.tickets import messages
from polus.store.work import Work

CHANNEL = "chat"
OFFLINE = "chat-offline-capture"  # wire: the type of a source when nobody was there
TEXT_LENGTH = 5000
MOST_FILES = 5
PAGE = 100
LENT = "?of="
LENT_SECONDS = 30 * 86_400  # in which an uploaded file may be sent; unused ones are removed then
EMPTY = "Say something or add a file."
NEED_EMAIL = "Leave an e-mail address, so that we can answer."
NOBODY = "<p>There is no chat visitor in this ticket to say it to.</p>"
# A client's own name of a line: what it sends again after a broken connection is the same line.
CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")

# The person is who wrote; agents by their first name only. By `key` a browser knows its own line again.
_LINE = """
select l.id, m.from_agent, m.body_text, m.body_html, m.attachments::text as attachments, m.created_datetime,
  case when not m.from_agent then regexp_replace(m.message_id, '^chat-[0-9]+-', '') end as key,
  case when m.from_agent then split_part(coalesce(u.name, ''), ' ', 1) end as author
from chat_lines l join messages m on m.account_id = l.account_id and m.id = l.message_id
left join users u on m.from_agent and u.account_id = m.account_id and u.id = m.sender_id
where l.account_id = $1 and l.visitor_id = $2 and m.deleted_datetime is null
"""
AFTER = _LINE + " and l.id > $3 order by l.id limit $4"
LATEST = "select * from (" + _LINE + " order by l.id desc limit $3) newest order by id"
# Of several visitors, those who have a line behind the one they know.
BEHIND = """
select g.visitor_id from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as g (account_id, visitor_id, line_id)
where exists (select from chat_lines l where l.account_id = g.account_id and l.visitor_id = g.visitor_id and l.id > g.line_id)
"""
OF_MESSAGE = _LINE + " and l.message_id = $3"

PUT = """
insert into chat_lines (account_id, visitor_id, message_id) values ($1, $2, $3)
on conflict (account_id, message_id) do nothing returning id
"""
SPOKE = """
with put as (
  insert into chat_lines (account_id, visitor_id, message_id) values ($1, $2, $3)
  on conflict (account_id, message_id) do nothing
)
update chat_visitors set ticket_id = $4, page = $5, seen_datetime = $6 where account_id = $1 and id = $2
"""

# Whoever spoke last in the ticket's chat is spoken to.
PARTNER = """
select v.id, v.email, v.integration_id from messages m
join chat_lines l on l.account_id = m.account_id and l.message_id = m.id
join chat_visitors v on v.account_id = l.account_id and v.id = l.visitor_id
where m.account_id = $1 and m.ticket_id = $2 and m.channel = 'chat'
order by m.created_datetime desc, m.id desc limit 1
"""
# Mostly it is known since the message was written.
THROUGH = """
update messages set integration_id = $3 where account_id = $1 and id = $2 and integration_id is null
"""
# Lines get their numbers one transaction after the other, or a browser that asks for what is new would miss one.
HOLD = "select 1 from chat_visitors where account_id = $1 and id = $2 for update"
LATER = """
update chat_visitors set mail_due_datetime = coalesce(mail_due_datetime, $3::timestamptz + interval '3 minutes')
where account_id = $1 and id = $2
"""
READ = """
update chat_visitors v set read_line = greatest(read_line, $3), seen_datetime = $4,
  mail_due_datetime = case when exists (select from chat_lines l where l.account_id = v.account_id
    and l.visitor_id = v.id and l.id > $3) then mail_due_datetime end
where account_id = $1 and id = $2
"""
SHOWN = """
select l.message_id from chat_lines l join messages m on m.account_id = l.account_id and m.id = l.message_id
where l.account_id = $1 and l.visitor_id = $2 and l.id <= $3 and l.id > $4 and m.from_agent
  and m.opened_datetime is null
"""


class Said(msgspec.Struct, frozen=True):
    """What a visitor's browser sends. `id` is the browser's own name of the line."""

    id: str
    text: str = ""
    files: list[str] = []
    page: str = ""


async def say(work: Work, chat: Chat, visitor: Visitor, said: Said) -> dict[str, Any]:
    """Take a visitor's words in; the line. The same `id` again changes nothing and gives the same line. 400, 429.

    The visitor is locked (`visitors.lock`), so the lines of one chat are in the order of their numbers.
    """
    words = text.clean(said.text).strip()
    found = await _checked(work, chat, visitor, said, words)
    await visitors.count_line(work, visitor)
    page = text.clean(said.page)[: visitors.PAGE_LENGTH] or visitor.page
    is_open = chats.is_open(chat, work.now)
    accepted = await inbound.accept(
        work,
        Inbound(
            channel=CHANNEL,
            message_id=f"chat-{visitor.id}-{said.id}",
            address=visitor.email or visitor.address,
            sender=visitor.reference,
            source={
                "type": CHANNEL if is_open else OFFLINE,
                "from": {"name": visitor.name or "", "address": visitor.email or visitor.address},
                "to": [{"name": chat.name, "address": chat.key}],
            },
            integration_id=chat.id,
            clues=[Clue(ticket_id=visitor.ticket_id)],
            subject=text.excerpt(words)[:80] or None,
            body_text=words,
            stripped_text=words,
            attachments=found or None,
            meta={"current_page": page} if page else None,
            apart=True,
            alone=True,
        ),
    )
    spoken = (accepted.message_id, accepted.ticket_id, page)
    await work.db.execute(SPOKE, work.account.id, visitor.id, *spoken, work.now)
    work.ring("chat", work.account.id, visitor.id)
    return await of_message(work, visitor.id, accepted.message_id)


def lent(work: Work, visitor: Visitor, url: str) -> str:
    """The address of a file that he has just uploaded, as he names it in a line: nobody else's word for it counts."""
    return url + LENT + _signer(work).sign(_lending(work, visitor, url), LENT_SECONDS)


def _is_his(work: Work, visitor: Visitor, url: str) -> bool:
    plain, _, token = url.partition(LENT)
    return _signer(work).read(token) == _lending(work, visitor, plain)


def _lending(work: Work, visitor: Visitor, url: str) -> str:
    place = files.placed(work.account, url)
    return " ".join((str(work.account.id), str(visitor.id), *(place or ())))


def _signer(work: Work) -> crypto.Signer:
    return crypto.Signer(work.database.secret_key, "chat file")


async def _checked(work: Work, chat: Chat, visitor: Visitor, said: Said, words: str) -> list[dict[str, Any]]:
    """The files of the line in the wire's form; 400."""
    if not CLIENT_ID.fullmatch(said.id):
        raise errors.one("id", "8 to 64 letters, digits, - and _.")
    if len(words) > TEXT_LENGTH:
        raise errors.one("text", f"Longer than {TEXT_LENGTH} characters.")
    if len(said.files) > MOST_FILES:
        raise errors.one("files", f"More than {MOST_FILES} files.")
    if not words and not said.files:
        raise errors.one("text", EMPTY)
    if not visitor.email and (chat.look.ask_email == "first" or not chats.is_open(chat, work.now)):
        raise errors.one("email", NEED_EMAIL)
    # Who knows the address of another's file, an agent of old or a program, must not have it opened by a chat.
    found = await files.find(work, [url for url in said.files if _is_his(work, visitor, url)])
    if len(found) != len(set(said.files)):
        raise errors.one("files", "No such file.")
    return [
        {
            "url": files.settled(work.account, url),
            "name": file.name,
            "size": file.size,
            "content_type": file.content_type,
        }
        for url, file in found.items()
    ]


async def answer(work: Work, message_id: int, ticket_id: int) -> None:
    """Say an agent's message to the visitor of the ticket; it counts as sent when his chat has it.

    Without a visitor it failed. If he does not see it within minutes it goes on by mail; see `mails`.
    """
    found = await work.db.fetchrow(PARTNER, work.account.id, ticket_id)
    if found is None:
        await messages.failed(work, message_id, NOBODY, retriable=False)
        return
    await work.db.execute(HOLD, work.account.id, found["id"])
    if await work.db.fetchval(PUT, work.account.id, found["id"], message_id) is None:
        return
    await work.db.execute(THROUGH, work.account.id, message_id, found["integration_id"])
    await messages.sent(work, message_id)
    if found["email"]:
        await work.db.execute(LATER, work.account.id, found["id"], work.now)
    work.ring("chat", work.account.id, found["id"])


async def partner(work: Work, ticket_id: int) -> int | None:
    """The visitor whom answers in the ticket are said to."""
    row = await work.db.fetchrow(PARTNER, work.account.id, ticket_id)
    return None if row is None else row["id"]


async def agent_types(work: Work, ticket_id: int) -> None:
    """An agent is writing an answer: the visitor's open pages are told, nothing is stored."""
    visitor_id = await partner(work, ticket_id)
    if visitor_id is not None:
        work.ring("chat-typing", work.account.id, visitor_id)


async def visitor_types(work: Work, visitor: Visitor) -> None:
    """The visitor is writing: whoever has his ticket open is told, nothing is stored."""
    ticket_id = visitor.ticket_id and await work.db.fetchval(
        inbound.SURVIVOR, work.account.id, visitor.ticket_id
    )
    if ticket_id:
        work.ring("customer-typing", work.account.id, ticket_id)


async def after(work: Work, visitor_id: int, line_id: int) -> list[dict[str, Any]]:
    """Up to 100 lines that follow that one, the oldest first."""
    return await _shown(work, await work.db.fetch(AFTER, work.account.id, visitor_id, line_id, PAGE))


async def behind(db: Any, known: Sequence[tuple[int, int, int]]) -> set[int]:
    """Of (account, visitor, line) those visitors who have lines behind that one, whatever account they are of."""
    accounts, visitor_ids, line_ids = zip(*known, strict=True)
    return {row[0] for row in await db.fetch(BEHIND, accounts, visitor_ids, line_ids)}


async def latest(work: Work, visitor_id: int) -> list[dict[str, Any]]:
    """The newest 100 lines, the oldest of them first."""
    return await _shown(work, await work.db.fetch(LATEST, work.account.id, visitor_id, PAGE))


async def of_message(work: Work, visitor_id: int, message_id: int) -> dict[str, Any]:
    """The line of one message."""
    return (await _shown(work, await work.db.fetch(OF_MESSAGE, work.account.id, visitor_id, message_id)))[0]


async def read(work: Work, visitor: Visitor, line_id: int) -> None:
    """He has seen everything up to that line: agents see their answers as opened, and no mail follows."""
    opened = [
        row[0] for row in await work.db.fetch(SHOWN, work.account.id, visitor.id, line_id, visitor.read_line)
    ]
    await work.db.execute(READ, work.account.id, visitor.id, line_id, work.now)
    await messages.opened(work, opened)


async def _shown(work: Work, rows: Sequence[Any]) -> list[dict[str, Any]]:
    listed = [msgspec.json.decode(row["attachments"]) if row["attachments"] else [] for row in rows]
    found = await files.find(work, {item["url"] for items in listed for item in items})
    return [
        {
            "id": row["id"],
            "key": row["key"],
            "mine": not row["from_agent"],
            "author": row["author"],
            "text": row["body_text"] or html.to_text(row["body_html"] or ""),
            "datetime": clock.text(row["created_datetime"]),
            "files": [_file(work, item, found) for item in items],
        }
        for row, items in zip(rows, listed, strict=True)
    ]


def _file(work: Work, item: dict[str, Any], found: dict[str, files.Found]) -> dict[str, Any]:
    file = found.get(item["url"])
    return {
        "name": item.get("name") or "file",
        "size": item.get("size"),
        "content_type": item.get("content_type"),
        "url": files.link(work, file) if file else None,
    }
