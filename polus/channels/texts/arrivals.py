"""A text becomes a message in the ticket of its conversation; what a provider tells of ours becomes the message's state."""

import datetime
import html as entities
from collections.abc import Sequence

import msgspec

from polus.base import addresses, text
from polus.channels import inbound
from polus.channels.inbound import Clue, Inbound
from polus.channels.texts import by_http, by_twilio, deliveries, numbers, stops
from polus.channels.texts.providers import Arrived, Number, Reported, newer
from polus.desk import files
from polus.desk.files import Kept
from polus.desk.tickets import drafts, messages
from polus.store.work import Work

# Whose number it is: by the channel's own kind of address first. Held until the transaction ends by who names him.
WHOSE = """
select customer_id from customer_channels
where account_id = $1 and type = any($2::text[]) and key = $3 and deleted_datetime is null
order by array_position($2::text[], type) limit 1
"""
# Where the conversation goes on: in its ticket while that is open or was spoken in during the last days.
CONVERSATION = """
insert into text_people as p (account_id, integration_id, address, received_datetime) values ($1, $2, $3, $4)
on conflict (account_id, integration_id, address)
  do update set received_datetime = greatest(p.received_datetime, excluded.received_datetime)
returning (select coalesce(t.merged_into_id, t.id) from tickets t
  where t.account_id = p.account_id and t.id = p.ticket_id and t.trashed_datetime is null and not t.spam
    and (t.status = 'open' or t.snooze_datetime is not null
      or coalesce(t.last_message_datetime, t.created_datetime) > $4::timestamptz - interval '5 days'))
"""
SPOKE = "update text_people set ticket_id = $4 where account_id = $1 and integration_id = $2 and address = $3"

KNOWN = """
select message_id, part, state from text_states where account_id = $1 and integration_id = $2
  and (external_id = $3 or (message_id = $4 and part = $5)) order by external_id <> $3 limit 1 for update
"""
IS_THERE = """
select 1 from messages where account_id = $1 and id = $2 and integration_id = $3 and from_agent for key share
"""
# What providers call it that the receiver said STOP to them.
UNSUBSCRIBED = frozenset((by_twilio.UNSUBSCRIBED, by_http.UNSUBSCRIBED))
LOST = "[A file that came with this message could not be fetched: {said}]"


async def take(
    work: Work,
    number: Number,
    arrived: Arrived,
    kept: Sequence[Kept],
    lost: Sequence[str],
    received: datetime.datetime,
) -> bool:
    """Take a text in and do what its word asks for; False when it is there already."""
    message_id = _identity(number, arrived)
    if await inbound.known(work, message_id) is not None:
        return False
    person = addresses.e164(arrived.address) or arrived.address
    key = (work.account.id, number.id, person)
    ticket_id = await work.db.fetchval(CONVERSATION, *key, received)
    stored = await files.add(work, "attachment", kept, referenced=True)
    words = "\n".join([text.truncate(text.unix_lines(text.clean(arrived.text))), *map(_lost, lost)]).strip()
    accepted = await inbound.accept(
        work,
        Inbound(
            channel=number.channel,
            message_id=message_id,
            address=person,
            sender=await _sender(work, number, person, arrived.name),
            source={
                "type": drafts.BY_TEXT[number.channel],
                "from": {"name": _plain(arrived.name), "address": person},
                "to": [{"name": number.name, "address": number.address}],
            },
            integration_id=number.id,
            clues=[Clue(ticket_id=ticket_id)],
            subject=text.excerpt(words)[:80] or None,
            body_text=words,
            stripped_text=words,
            attachments=[{**msgspec.json.decode(file), "public": False} for file in stored] or None,
            meta={number.provider: dict(arrived.extra)} if arrived.extra else None,
            sent_datetime=arrived.sent_datetime or received,
        ),
    )
    await work.db.execute(SPOKE, *key, accepted.ticket_id)
    await numbers.received(work, number.id)
    await _obey(work, number, person, accepted.ticket_id, arrived.word or stops.meaning(arrived.text))
    return True


def _identity(number: Number, arrived: Arrived) -> str:
    """Twilio's ids are the world's; a gateway's are its own."""
    return arrived.id if number.provider == "twilio" else f"{number.id}-{arrived.id}"


def _lost(said: str) -> str:
    return LOST.format(said=said)


def _plain(name: str) -> str:
    return " ".join(text.clean(name).split())[:100]


async def _sender(work: Work, number: Number, person: str, name: str) -> dict[str, object]:
    """The customer: whoever has the number, be it as telephone or WhatsApp, else a new one."""
    kinds = ["whatsapp", "phone", "sms"] if number.channel == "whatsapp" else ["phone", "sms", "whatsapp"]
    found = await work.db.fetchval(WHOSE, work.account.id, kinds, stops.key(person))
    given: dict[str, object] = {"channels": [{"type": kinds[0], "address": person}], "name": _plain(name)}
    return given | ({"id": found} if found is not None else {})


async def _obey(work: Work, number: Number, person: str, ticket_id: int, word: str) -> None:
    """STOP, START and HELP; the first and the last are answered where the settings say in which words."""
    if word == "STOP" and await stops.add(work, person, "STOP"):
        await deliveries.answer(work, number, ticket_id, person, number.settings.stop_text)
    elif word == "START":
        await stops.remove(work, person)
    elif word == "HELP" and not await stops.why(work, person):
        await deliveries.answer(work, number, ticket_id, person, number.settings.help_text)


async def report(work: Work, number: Number, reported: Reported, about: str) -> bool:
    """Write down what became of a text of ours; False when it is none."""
    named, _, part = about.partition("-")
    message_id = int(named) if named.isdecimal() and len(named) < 19 else 0
    row = await work.db.fetchrow(KNOWN, work.account.id, number.id, reported.id, message_id, part)
    if row is None:
        # Told before we have written down that the provider took it.
        if not await work.db.fetchval(IS_THERE, work.account.id, message_id, number.id):
            return False
        before = None
    else:
        message_id, part, before = row["message_id"], row["part"], row["state"]
    if not newer(before, reported.condition):
        return True
    await deliveries.became(work, number.id, message_id, part, reported)
    if reported.condition == "failed":
        # It was sent: trying again would be another text.
        await messages.failed(work, message_id, f"<p>{entities.escape(reported.said)}</p>", retriable=False)
        if reported.code in UNSUBSCRIBED:
            await stops.add(work, reported.address, reported.code)
        return True
    if reported.condition == "read":
        await messages.opened(work, [message_id])
    if not await deliveries.has_failed(work, message_id):
        await messages.sent(work, message_id)
    return True
