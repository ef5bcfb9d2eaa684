"""What is computed from customers' words: the language of tickets, intents and sentiments of messages.

Each part is switched by the account (`account_options`); how it is guessed is in `lang`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors, html, wire
from polus.desk.tickets import tickets
from polus.lang import lexicons, sets, tongues
from polus.store.work import Work

OPTIONS = ("detect_language", "detect_intents", "detect_sentiments")
"""Intents and sentiments are off until somebody wants them: they are wrong too often to be there unasked."""
TRIES = 3
"""So many of a ticket's customer messages are looked at for its language."""

GET = """
select json_build_object('detect_language', coalesce(o.detect_language, true),
  'detect_intents', coalesce(o.detect_intents, false), 'detect_sentiments', coalesce(o.detect_sentiments, false))::text
from accounts a left join account_options o on o.account_id = a.id where a.id = $1
"""
SET = """
insert into account_options (account_id, detect_language, detect_intents, detect_sentiments) values ($1, $2, $3, $4)
on conflict (account_id) do update set detect_language = excluded.detect_language,
  detect_intents = excluded.detect_intents, detect_sentiments = excluded.detect_sentiments
"""
# A customer's public message that was not written through the API, and what is known around it.
MESSAGE = """
select m.id, m.ticket_id, m.subject, m.stripped_text, m.body_text, m.body_html, t.language, t.customer_id,
  c.language as customer_language, t.subject as ticket_subject,
  coalesce(o.detect_language, true) as detect_language, coalesce(o.detect_intents, false) as detect_intents,
  coalesce(o.detect_sentiments, false) as detect_sentiments,
  (select count(*) from messages b where b.account_id = m.account_id and b.ticket_id = m.ticket_id and not b.from_agent
    and (b.created_datetime, b.id) <= (m.created_datetime, m.id)) as place
from messages m join tickets t on t.account_id = m.account_id and t.id = m.ticket_id
left join customers c on c.account_id = t.account_id and c.id = t.customer_id and c.deleted_datetime is null
left join account_options o on o.account_id = m.account_id
where m.account_id = $1 and m.id = $2 and not m.from_agent and m.public and m.via <> 'api'
  and m.imported is not true and t.imported is not true
for update of m
"""
# Once set it is never changed by messages, and what changes it by hand in this moment wins.
TICKET = "update tickets set language = $3 where account_id = $1 and id = $2 and language is null"
CUSTOMER = "update customers set language = $3 where account_id = $1 and id = $2 and language is null"
KEEP = "update messages set intents = $3, sentiments = $4 where account_id = $1 and id = $2"
OWNER = "select ticket_id, from_agent from messages where account_id = $1 and id = $2 for update"
REPLACE_INTENTS = "update messages set intents = $3 where account_id = $1 and id = $2"
REPLACE_SENTIMENTS = "update messages set sentiments = $3 where account_id = $1 and id = $2"
HELD = """
select intents::text as intents, from_agent from messages where account_id = $1 and ticket_id = $2 and id = $3 for update
"""
OVERWRITE = "update tickets set language = $3 where account_id = $1 and id = $2"


async def options(work: Work) -> str:
    """What is switched on, as JSON text."""
    return await work.db.fetchval(GET, work.account.id)  # type: ignore[no-any-return]


async def choose(work: Work, given: Mapping[str, bool]) -> None:
    """Switch parts on or off, all of `OPTIONS`. Event account-updated."""
    await work.db.execute(SET, work.account.id, *(given[name] for name in OPTIONS))
    work.record("account-updated", "Account", work.account.id, {"analysis": dict(given)})


async def analyse(work: Work, message_id: int) -> None:
    """Look at a new message of a customer. What comes of it is no change of the ticket: no event, no new moment."""
    row = await work.db.fetchrow(MESSAGE, work.account.id, message_id)
    if row is None:
        return
    text = _words(row)
    language = row["language"]
    if language is None and row["detect_language"] and row["place"] <= TRIES:
        language = tongues.language(text)
        if language is not None:
            await work.db.execute(TICKET, work.account.id, row["ticket_id"], language)
            if row["customer_language"] is None:
                await work.db.execute(CUSTOMER, work.account.id, row["customer_id"], language)
            work.ring("ticket", work.account.id, row["ticket_id"])
    # English where nothing is known: its lexicon says nothing about other languages.
    spoken = language or row["customer_language"] or "en"
    intents = lexicons.intents(text, spoken) if row["detect_intents"] else []
    sentiments = lexicons.sentiments(text, spoken) if row["detect_sentiments"] else []
    if intents or sentiments:
        await work.db.execute(
            KEEP, work.account.id, message_id, wire.encode(_told(intents)), sorted(sentiments)
        )


def _words(row: Any) -> str:
    said = row["stripped_text"] or row["body_text"] or (row["body_html"] and html.to_text(row["body_html"]))
    subject = row["subject"] or (row["ticket_subject"] if row["place"] == 1 else None)
    return tongues.cleaned([subject, said])


def _told(intents: Sequence[str]) -> list[dict[str, Any]]:
    """wire: {"name": "order/cancel", "rejected": false, "is_user_feedback": false}"""
    return [{"name": name, "rejected": False, "is_user_feedback": False} for name in intents]


async def replace(
    work: Work,
    message_id: int,
    *,
    language: str | None = None,
    intents: Sequence[str] | None = None,
    sentiments: Sequence[str] | None = None,
) -> None:
    """What an app that knows better says of a customer's message; None leaves a part as it is. 404, 400."""
    row = await work.db.fetchrow(OWNER, work.account.id, message_id)
    if row is None:
        raise errors.NotFound
    if row["from_agent"]:
        raise errors.one("id", "Only customers' messages are analysed.")
    if language is not None:
        old = await tickets.lock(work, row["ticket_id"])
        if old["language"] != language:
            await work.db.execute(OVERWRITE, work.account.id, row["ticket_id"], language)
    if intents is not None:
        await work.db.execute(REPLACE_INTENTS, work.account.id, message_id, wire.encode(_told(intents)))
    if sentiments is not None:
        await work.db.execute(REPLACE_SENTIMENTS, work.account.id, message_id, sorted(set(sentiments)))
    work.ring("ticket", work.account.id, row["ticket_id"])


async def correct(work: Work, ticket_id: int, message_id: int, name: str, *, wanted: bool) -> None:
    """What an agent says of a customer's message: it is about `name` (`wanted`), or it is not. 404, 301, 400.

    What was rejected stays, marked, and rules do not see it. As with what was computed, no event and no new moment.
    """
    await tickets.require(work, ticket_id)
    row = await work.db.fetchrow(HELD, work.account.id, ticket_id, message_id)
    if row is None:
        raise errors.NotFound
    if name not in sets.INTENTS or row["from_agent"]:
        raise errors.one("intent", errors.NOT_CHOICE)
    held = msgspec.json.decode(row["intents"] or "[]")
    found = next((one for one in held if one["name"] == name), None)
    if found is None and wanted:
        held.append({"name": name, "rejected": False, "is_user_feedback": True})
    elif found is not None:
        found |= {"rejected": not wanted, "is_user_feedback": wanted or found["is_user_feedback"]}
    await work.db.execute(REPLACE_INTENTS, work.account.id, message_id, wire.encode(held))
    work.ring("ticket", work.account.id, ticket_id)
