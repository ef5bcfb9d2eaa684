"""Whether a number works: its provider is asked for it, and where it sends those who call."""

from typing import Any, Literal

import msgspec

from polus.channels import outgoing, twilio
from polus.channels.voice.numbers import Number
from polus.store.database import Database
from polus.store.work import Account

Word = Literal["well", "elsewhere", "unknown", "refused", "away", "sealed"]


class Tried(msgspec.Struct, frozen=True):
    """`elsewhere`: calls do not come to us; `unknown`: not a number of that account. `said`: the provider's own words."""

    word: Word
    said: str = ""


async def tried(database: Database, account: Account, number: Number) -> Tried:
    """Ask; takes no transaction, for it takes as long as the provider does."""
    try:
        credentials = number.credentials(database.vault)
    except ValueError:
        return Tried("sealed")
    given = [("PhoneNumber", number.number)]
    try:
        reply = await twilio.ask(credentials, database.allowed, "GET", "IncomingPhoneNumbers.json", given)
    except outgoing.Failed as failed:
        return Tried("away", str(failed))
    if not reply.good:
        return Tried("refused", reply.said)
    found = _listed(reply.data.get("incoming_phone_numbers"), number.number)
    if found is None:
        return Tried("unknown")
    ours = number.address(account.base_url, "incoming")
    return Tried("well" if found.get("voice_url") == ours else "elsewhere", ours)


def _listed(given: Any, number: str) -> dict[str, Any] | None:
    """The number in the provider's list."""
    listed = given if isinstance(given, list) else []
    return next((one for one in listed if isinstance(one, dict) and one.get("phone_number") == number), None)
