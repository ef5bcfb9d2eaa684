"""Who said STOP: nothing goes out to them until they say START. The words are those that carriers ask for."""

import re

from polus.desk.customers import channels
from polus.store.work import Work

STOP = frozenset(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"))
# A "yes" of somebody who never said STOP changes nothing.
START = frozenset(("START", "UNSTOP", "YES"))
HELP = frozenset(("HELP", "INFO"))
WORDS = {**dict.fromkeys(STOP, "STOP"), **dict.fromkeys(START, "START"), **dict.fromkeys(HELP, "HELP")}
LONGEST = 20
AROUND = re.compile(r"^[\s\W_]+|[\s\W_]+$")

SAID_STOP = "{address} said STOP on {day}: nothing is sent there until he says START."

ADD = """
insert into text_stops (account_id, key, word, stopped_datetime) values ($1, $2, $3, $4)
on conflict (account_id, key) do nothing returning 1
"""
REMOVE = "delete from text_stops where account_id = $1 and key = $2 returning 1"
FIND = "select stopped_datetime from text_stops where account_id = $1 and key = $2"


def meaning(text: str) -> str:
    """STOP, START or HELP when a text is nothing but such a word, whatever its case and the marks around it."""
    if len(text) > LONGEST:
        return ""
    return WORDS.get(AROUND.sub("", text).upper(), "")


async def add(work: Work, address: str, word: str) -> bool:
    """Nothing goes there from now on; whether that is new."""
    found = await work.db.fetchval(ADD, work.account.id, key(address), word[:LONGEST], work.now)
    return found is not None


async def remove(work: Work, address: str) -> bool:
    """It may be written to again; whether it might not before."""
    return await work.db.fetchval(REMOVE, work.account.id, key(address)) is not None


async def why(work: Work, address: str) -> str:
    """Why nothing goes there, for agents; `""` when something may."""
    stopped = await work.db.fetchval(FIND, work.account.id, key(address))
    return "" if stopped is None else SAID_STOP.format(address=address, day=f"{stopped:%Y-%m-%d}")


def key(address: str) -> str:
    """How an address is compared: as customers' telephone numbers are."""
    return channels.of("phone", address).key
