"""Who speaks and who is spoken to: the sender and receiver of a message, by the reference's rules."""

from collections.abc import Mapping
from typing import Any

from polus.desk.customers import references
from polus.desk.tickets import drafts, people
from polus.desk.tickets.drafts import Draft
from polus.desk.tickets.people import Reference
from polus.store.work import Work

BOT = "select bot_id from accounts where id = $1"


async def bot(work: Work) -> int | None:
    """The account's bot, who speaks when an agent's message names no sender."""
    return await work.db.fetchval(BOT, work.account.id)  # type: ignore[no-any-return]


def answered_at(message: Mapping[str, Any]) -> str:
    """Where an answer to a customer's message goes: where he asked for it (Reply-To), else where he wrote from."""
    meta = message.get("meta")
    asked = meta.get("reply_to") if isinstance(meta, Mapping) else None
    written = (message.get("source") or {}).get("from") or {}
    return str(asked or written.get("address") or "")


def by_address(address: Mapping[str, Any] | None, draft: Draft) -> Reference | None:
    """A reference made of an address of `source`: by e-mail where it is one, else by the channel's own kind."""
    if address is None:
        return None
    name, given = address.get("name"), str(address["address"])
    if "@" in given and draft.channel not in ("chat", "twitter", "instagram"):
        return {"email": given, "name": name}
    kind = {"sms": "phone", "aircall": "phone", "whatsapp": "whatsapp"}.get(draft.channel, draft.channel)
    return {"name": name, "channels": [{"type": kind, "address": given}]}


async def of(
    work: Work, draft: Draft, known: people.Known, reference: Reference, customer_id: int
) -> tuple[int | None, int | None]:
    """Sender and receiver (ids) of a message in a ticket of `customer_id`, whom `reference` named."""
    if draft.from_agent:
        sender_id = known.user(draft.sender) if draft.sender else None
        if sender_id is None:
            sender_id = work.actor.user_id if draft.note else await bot(work)
        if draft.note:
            return sender_id, None
        receiver = draft.receiver
        if not receiver or receiver is reference or not (receiver.get("id") or receiver.get("email")):
            return sender_id, customer_id
        return sender_id, await _customer(work, receiver, known, "receiver")
    sender = draft.sender or by_address(drafts.first_address(draft, "from"), draft)
    if not sender or sender is reference or _same(sender, reference):
        return customer_id, None
    if not any(sender.get(key) for key in ("id", "email", "channels")):
        return customer_id, None
    return await _customer(work, sender, known, "sender", keep=draft.sender is None), None


async def _customer(
    work: Work, reference: Reference, known: people.Known, field: str, *, keep: bool = False
) -> int:
    """The customer, held until the transaction ends. What only an envelope says of him overwrites nothing."""
    found = known.customer(reference)
    return await references.find_or_create(
        work, reference if found is None else {"id": found}, (field,), keep=keep
    )


def _same(one: Reference, other: Reference) -> bool:
    if one.get("id") is not None or other.get("id") is not None:
        return one.get("id") == other.get("id")
    return bool(one.get("email")) and (one["email"] or "").lower() == (other.get("email") or "").lower()
