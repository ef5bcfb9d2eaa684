"""The search box: tickets by number, words, tags or whoever wrote; customers by name, address or phone number.

Built of the two searches that the API has; an order number is found where shop data or messages name it.
"""

from typing import Any

import msgspec

from polus.desk import searches
from polus.desk.tickets import projections
from polus.desk.views import searching
from polus.store.work import Work

LONGEST = 200
MOST_CUSTOMERS = 8

# Tickets that the words find, and those of customers that are found by an address.
TICKETS = (
    "select "
    + projections.COMPACT_LIST
    + """ as wire from (
  (select t.id, t.last_message_datetime from tickets t
    where t.account_id = $1 and $2::bigint is not null and t.merged_into_id is null and {condition}
    order by t.last_message_datetime desc nulls last, t.id desc limit $3)
  union
  (select t.id, t.last_message_datetime from tickets t
    where t.account_id = $1 and t.merged_into_id is null and t.customer_id = any($4::bigint[])
    order by t.last_message_datetime desc nulls last, t.id desc limit $3)
) f join tickets t on t.account_id = $1 and t.id = f.id
order by (t.id = $5::bigint) desc, f.last_message_datetime desc nulls last, t.id desc limit $3
"""
)


class Found(msgspec.Struct, frozen=True):
    """Compact tickets, newest first after the one whose number it is, and customer profiles."""

    tickets: list[Any]
    customers: list[Any]


async def find(work: Work, asked: str, most: int) -> Found:
    """What fits; nothing for an empty question."""
    asked = " ".join(asked[:LONGEST].replace("\0", " ").split())
    if not asked:
        return Found([], [])
    words = asked.removeprefix("#") if asked[1:].isdecimal() else asked
    profiles = await searches.find(work, "customer_profile", words, MOST_CUSTOMERS)
    customers = [msgspec.json.decode(profile) for profile in profiles]
    number = int(words) if words.isascii() and words.isdecimal() and len(words) < 19 else None
    parameters: list[Any] = [
        work.account.id,
        work.actor.user_id,
        most,
        [customer["id"] for customer in customers],
        number,
    ]
    condition = searching.condition(words, parameters)
    if condition == "true":
        condition = "false"
    rows = await work.db.fetch(TICKETS.replace("{condition}", condition), *parameters)
    return Found([msgspec.json.decode(row["wire"]) for row in rows], customers)
