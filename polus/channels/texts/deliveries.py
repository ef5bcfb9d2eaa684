"""Agents' messages as texts: from the number the customer wrote to, to the number he wrote from, never to one that said
STOP; and what became of each.
"""

import datetime
import html as entities
import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from polus.base import addresses, html, wire
from polus.base.outbound import Allowed
from polus.channels.sending import Outcome
from polus.channels.texts import media, numbers, stops
from polus.channels.texts.providers import (
    STOPPED,
    Number,
    Refused,
    Reported,
    Sent,
    Taken,
    Text,
)
from polus.desk.tickets import drafts, messages, parties
from polus.desk.tickets.drafts import Draft
from polus.store.queue import Key
from polus.store.work import Work

KINDS = {"sms": ["phone", "sms"], "whatsapp": ["whatsapp"]}
PATIENCE = datetime.timedelta(hours=4)

# The last text of the customer in the ticket: where an answer goes to and comes from.
LAST = """
select m.integration_id, m.source->'from'->>'address' as address from messages m
where m.account_id = $1 and m.ticket_id = $2 and m.channel = $3 and not m.from_agent
order by m.created_datetime desc, m.id desc limit 1
"""
CUSTOMERS = """
select h.address from customer_channels h join tickets t on t.account_id = h.account_id and t.customer_id = h.customer_id
where t.account_id = $1 and t.id = $2 and h.type = any($3::text[]) and h.deleted_datetime is null
order by array_position($3::text[], h.type), h.preferred desc, h.id limit 1
"""
ADDRESSED = "update messages set source = $3, integration_id = $4 where account_id = $1 and id = $2"
# The ticket tells through which integrations its messages went.
THROUGH = """
update tickets set integration_ids = integration_ids || $3::bigint
where account_id = $1 and id = $2 and not $3 = any(integration_ids)
"""
SPEAKS = """
insert into text_people (account_id, integration_id, address, ticket_id) values ($1, $2, $3, $4)
on conflict (account_id, integration_id, address) do update set ticket_id = excluded.ticket_id
"""
# One that waits for its next attempt is due now; one that is being sent at this moment stays as it is.
QUEUE = """
insert into text_deliveries as d (account_id, message_id, integration_id, address, anyway, created_datetime,
  due_datetime)
values ($1, $2, $3, $4, $5, $6, $6)
on conflict (account_id, message_id) do update set integration_id = excluded.integration_id,
  address = excluded.address, attempts = 0, created_datetime = excluded.created_datetime,
  due_datetime = excluded.due_datetime, error = null
where d.worker is null and not d.anyway
"""
FORGET = "delete from text_states where account_id = $1 and message_id = $2 and state = 'failed'"
MESSAGE = """
select d.integration_id, d.address, d.parts, d.anyway, d.created_datetime, d.error, m.body_text, m.body_html,
  m.attachments::text as attachments,
  array(select part from text_states s where s.account_id = d.account_id and s.message_id = d.message_id) as taken
from text_deliveries d join messages m on m.account_id = d.account_id and m.id = d.message_id
where d.account_id = $1 and d.message_id = $2
"""
OF_DELIVERY = """
select integration_id, address from text_deliveries where account_id = $1 and message_id = $2
"""
LEFT = "update text_deliveries set parts = $3 where account_id = $1 and message_id = $2"
BECAME = """
insert into text_states as s (account_id, message_id, part, integration_id, external_id, state, code, changed_datetime)
values ($1, $2, $3, $4, $5, $6, nullif($7, ''), $8)
on conflict (account_id, message_id, part) do update set external_id = excluded.external_id, state = excluded.state,
  code = excluded.code, changed_datetime = excluded.changed_datetime
where array_position('{queued,sent,delivered,read,failed}'::text[], s.state)
  < array_position('{queued,sent,delivered,read,failed}'::text[], excluded.state)
"""
HAS_FAILED = """
select 1 from text_states where account_id = $1 and message_id = $2 and state = 'failed' limit 1
"""
STATES = """
select s.message_id, s.state, s.changed_datetime from text_states s
join messages m on m.account_id = s.account_id and m.id = s.message_id
where s.account_id = $1 and m.ticket_id = $2
"""

NOBODY = "The customer has no number that this could be sent to."
TOO_LATE = "The provider did not take the text for hours. The last attempt: {said}"
TOO_LONG = "A text may have 1,600 characters at most."
EMPTY = "There is nothing in this message that a text could carry."


async def send(work: Work, message_id: int, ticket_id: int, channel: str, source: Mapping[str, Any]) -> None:
    """Put an agent's message of channel sms or whatsapp in line.

    Without a number of that channel it stays as it is: another system may send it.
    """
    ours = await numbers.of_channel(work, channel)
    if not ours:
        return
    last = await work.db.fetchrow(LAST, work.account.id, ticket_id, channel)
    number = _ours(ours, source, last)
    theirs = await _theirs(work, ticket_id, channel, source, last)
    to = addresses.e164(theirs, number["address"]) or theirs.strip()
    if not to:
        await _fail(work, message_id, NOBODY)
        return
    told = {
        **source,
        "type": source.get("type") or drafts.BY_TEXT[channel],
        "from": {"name": number["name"], "address": number["address"]},
        "to": [{"name": _named(source), "address": to}],
    }
    await work.db.execute(ADDRESSED, work.account.id, message_id, wire.encode(told), number["id"])
    await work.db.execute(THROUGH, work.account.id, ticket_id, number["id"])
    why = await stops.why(work, to)
    if why:
        await _fail(work, message_id, why)
        return
    await work.db.execute(SPEAKS, work.account.id, number["id"], to, ticket_id)
    await _queue(work, message_id, number["id"], to, anyway=False)


async def _queue(work: Work, message_id: int, number_id: int, to: str, *, anyway: bool) -> None:
    await work.db.execute(FORGET, work.account.id, message_id)
    await work.db.execute(QUEUE, work.account.id, message_id, number_id, to, anyway, work.now)
    work.ring("work", "text_deliveries")


def _ours(ours: Sequence[Any], source: Mapping[str, Any], last: Any) -> Any:
    """The number that is named, else the one the customer wrote to, else the first."""
    named = addresses.e164((source.get("from") or {}).get("address") or "")
    by_name = [one for one in ours if one["address"] == named]
    by_use = [one for one in ours if last is not None and one["id"] == last["integration_id"]]
    return [*by_name, *by_use, *ours][0]


async def _theirs(work: Work, ticket_id: int, channel: str, source: Mapping[str, Any], last: Any) -> str:
    """The number that is named, else the one the customer wrote from, else one of his."""
    for one in source.get("to") or []:
        if one.get("address"):
            return str(one["address"])
    if last is not None and last["address"]:
        return str(last["address"])
    return await work.db.fetchval(CUSTOMERS, work.account.id, ticket_id, KINDS[channel]) or ""


def _named(source: Mapping[str, Any]) -> str | None:
    return next((one.get("name") for one in source.get("to") or []), None)


async def answer(work: Work, number: Number, ticket_id: int, person: str, words: str) -> None:
    """Send what the settings say to somebody's STOP or HELP, as the account's bot; nothing when that is nothing."""
    if not words.strip():
        return
    draft = Draft(
        channel=number.channel,
        via=number.channel,
        from_agent=True,
        sender={"id": await parties.bot(work)},
        source={
            "type": drafts.BY_TEXT[number.channel],
            "from": {"name": number.name, "address": number.address},
            "to": [{"name": None, "address": person}],
        },
        body_text=words.strip(),
        stripped_text=words.strip(),
        integration_id=number.id,
    )
    message_id = await messages.add(work, ticket_id, draft)
    await _queue(work, message_id, number.id, person, anyway=True)


async def became(work: Work, number_id: int, message_id: int, part: str, reported: Reported) -> None:
    """Keep the condition of one text; what is older than the known one changes nothing."""
    await work.db.execute(
        BECAME,
        work.account.id,
        message_id,
        part,
        number_id,
        reported.id,
        reported.condition,
        reported.code,
        work.now,
    )


async def has_failed(work: Work, message_id: int) -> bool:
    """Whether the provider told of one of its texts that it was not delivered."""
    return await work.db.fetchval(HAS_FAILED, work.account.id, message_id) is not None


async def states(work: Work, ticket_id: int) -> dict[int, str]:
    """How far each message of a ticket is, by its id: of several texts the one that is least far."""
    found: dict[int, list[str]] = {}
    for row in await work.db.fetch(STATES, work.account.id, ticket_id):
        found.setdefault(row["message_id"], []).append(row["state"])
    order = ("failed", "queued", "sent", "delivered", "read")
    return {message_id: min(given, key=order.index) for message_id, given in found.items()}


async def _fail(work: Work, message_id: int, said: str) -> None:
    await messages.failed(work, message_id, f"<p>{entities.escape(said)}</p>", retriable=True)


class Letter(msgspec.Struct, frozen=True):
    """One message as the texts that are left of it, by their parts."""

    texts: Mapping[str, Text]


class Deliveries:
    """The errand of tickets' messages."""

    table = "text_deliveries"
    id = "message_id"
    line = "b.integration_id = d.integration_id and b.address = d.address"

    async def letter(self, work: Work, key: Key) -> Letter:
        """The message as texts; ValueError when its receiver said STOP or it cannot be made."""
        row = await work.db.fetchrow(MESSAGE, *key)
        if row is None:
            raise ValueError("The message is gone.")
        why = "" if row["anyway"] else await stops.why(work, row["address"])
        if why:
            raise ValueError(why)
        if work.now - row["created_datetime"] > PATIENCE:
            raise ValueError(TOO_LATE.format(said=row["error"]))
        number = await numbers.opened(work, row["integration_id"])
        body = (row["body_text"] or html.to_text(row["body_html"] or "")).strip()
        if len(body) > drafts.TEXT_LENGTH:
            raise ValueError(TOO_LONG)
        listed = msgspec.json.decode(row["attachments"]) if row["attachments"] else []
        shown = await media.shown(work, listed)
        if not body and not shown:
            raise ValueError(EMPTY)
        most = numbers.PROVIDERS[number.provider].files[number.channel]
        groups = [shown[at : at + most] for at in range(0, len(shown), most)] or [[]]
        hook = numbers.webhook(work.database, work.account, number.id)
        texts = {
            str(part): Text(
                number=number,
                key=f"polus-{work.account.hash}-{key[1]}-{part}",
                address=row["address"],
                body=body if part == 0 else "",
                media=group,
                callback=f"{hook}/{key[1]}-{part}" if _reachable(hook) else "",
            )
            for part, group in enumerate(groups)
        }
        # What a worker sent before it died, and could still write down, is not sent again.
        left = [part for part in row["parts"] or texts if part not in row["taken"]]
        return Letter({part: texts[part] for part in left if part in texts})

    async def sent(self, work: Work, key: Key, outcome: Outcome) -> None:
        """The provider took at least one: its id is kept, and the message counts as sent when it took all."""
        row = await work.db.fetchrow(OF_DELIVERY, *key)
        if isinstance(outcome, Sent):
            for part, taken in outcome.taken.items():
                told = Reported(id=taken.id, address=row["address"], condition=taken.condition)
                await became(work, row["integration_id"], key[1], part, told)
        whole = not outcome.later and not outcome.never
        # It may have told that it failed before it told that it took it.
        if whole and not await has_failed(work, key[1]):
            await messages.sent(work, key[1])
        await numbers.well(work, row["integration_id"])

    async def failed(self, work: Work, key: Key, said: str, *, retriable: bool) -> None:
        """`failed_datetime` and the error for the agent, who may send it again: what was wrong may be put right."""
        row = await work.db.fetchrow(OF_DELIVERY, *key)
        await _fail(work, key[1], said)
        if said == STOPPED:
            await stops.add(work, row["address"], "STOP")
        else:
            await numbers.troubled(work, row["integration_id"], said)

    async def remaining(self, work: Work, key: Key, recipients: tuple[str, ...]) -> None:
        """The parts of the next attempt."""
        await work.db.execute(LEFT, *key, list(recipients))


class Tests:
    """The errand of tests."""

    table = "text_tests"
    id = "integration_id"
    line = "false"

    READ = "select address from text_tests where account_id = $1 and integration_id = $2"
    TOLD = """
update text_numbers set tested_address = $3, tested_datetime = $4, tested_error = $5
where account_id = $1 and integration_id = $2
"""
    WORDS = "This text was sent to see whether {name} works. It does."

    async def letter(self, work: Work, key: Key) -> Letter:
        """One text."""
        number = await numbers.opened(work, key[1])
        address = await work.db.fetchval(self.READ, *key)
        words = self.WORDS.format(name=number.name)
        name = f"polus-{work.account.hash}-test-{key[1]}-{int(work.now.timestamp())}"
        return Letter({"test": Text(number=number, key=name, address=address, body=words)})

    async def sent(self, work: Work, key: Key, outcome: Outcome) -> None:
        """It works."""
        await self._tell(work, key, None)
        await numbers.well(work, key[1])

    async def failed(self, work: Work, key: Key, said: str, *, retriable: bool) -> None:
        """Why it does not."""
        await self._tell(work, key, said)

    async def remaining(self, work: Work, key: Key, recipients: tuple[str, ...]) -> None:
        """There is one only."""

    async def _tell(self, work: Work, key: Key, said: str | None) -> None:
        address = await work.db.fetchval(self.READ, *key)
        await work.db.execute(self.TOLD, *key, address, work.now, said)


def courier(allowed: Allowed, *, once: bool = False) -> Callable[[Letter], Awaitable[Outcome]]:
    """What hands letters over; `once`: nothing is tried again, for who waits to see what comes of it."""

    async def carry(letter: Letter) -> Outcome:
        taken: dict[str, Taken] = {}
        waiting = list(letter.texts)
        for part, one in letter.texts.items():
            provider = numbers.PROVIDERS[one.number.provider]
            try:
                taken[part] = await provider.send(one, allowed)
            except Refused as refused:
                again = tuple(waiting) if refused.again and not once else ()
                return Sent(
                    bool(taken),
                    STOPPED if refused.stopped else str(refused),
                    never=() if again else tuple(waiting),
                    later=again,
                    taken=taken,
                )
            waiting.remove(part)
        return Sent(True, taken=taken)

    return carry


def _reachable(url: str) -> bool:
    """Whether a provider could call it: they refuse texts whose address for answers is plainly nobody's."""
    host = urlsplit(url).hostname or "localhost"
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".localhost", ".local", ".test", ".internal"))
