"""The search box: tickets by number, words, tags or whoever wrote; customers by name, address, phone or order number.

Built of the two searches that the API has, and of the orders that shops told of.
"""

from typing import Any

import msgspec

from polus.desk import searches
from polus.desk.tickets import projections
from polus.desk.views import searching
from polus.store.work import Work

LONGEST = 200
MOST_CUSTOMERS = 8

ORDERED = (
    "select "
    + searches.PROFILE
    + """::text from customers c where c.account_id = $1 and c.integrations <> '{}'
  and order_keys(c.account_id, c.integrations) @> array[$1::bigint || ':' || $2::text]
  and c.merged_into_id is null and c.deleted_datetime is null order by c.id limit $3"""
)
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
# Where a word stands in the newest message that says it; `$4` letters before it are shown.
SAID = """
select distinct on (m.ticket_id) m.ticket_id, p.at > $4 + 1 as within,
  substr(b.body, greatest(p.at - $4, 1), 240) as words
from messages m
cross join lateral (select left(coalesce(m.stripped_text, m.body_text, ''), 50000) as body) b
cross join lateral (select position($3 in lower(b.body)) as at) p
where m.account_id = $1 and m.ticket_id = any($2::bigint[]) and p.at > 0
order by m.ticket_id, m.created_datetime desc, m.id desc
"""
BEFORE = 40


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
    customers = await _customers(work, words)
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
    tickets = [msgspec.json.decode(row["wire"]) for row in rows]
    await _quote(work, tickets, words)
    return Found(tickets, customers)


async def _quote(work: Work, tickets: list[Any], words: str) -> None:
    """Let each ticket's excerpt show the first word that was asked for, when an older message said it."""
    word = next((part.lower() for part in words.replace('"', " ").split() if len(part) > 1), "")
    silent = [one["id"] for one in tickets if word not in f"{one['subject']} {one['excerpt']}".lower()]
    if not word or not silent:
        return
    rows = await work.db.fetch(SAID, work.account.id, silent, word, BEFORE)
    said = {row["ticket_id"]: _trimmed(row["words"], within=row["within"]) for row in rows}
    for one in tickets:
        one["excerpt"] = said.get(one["id"], one["excerpt"])


def _trimmed(words: str, *, within: bool) -> str:
    """One line, begun at a word."""
    if within:
        words = "… " + (words.partition(" ")[2] if " " in words[:BEFORE] else words)
    return " ".join(words.split())


async def _customers(work: Work, words: str) -> list[Any]:
    """Who ordered what is called so, then whom the words fit."""
    order = words.lower().lstrip("#")
    rows = await work.db.fetch(ORDERED, work.account.id, order, MOST_CUSTOMERS)
    profiles = [row[0] for row in rows]
    profiles += await searches.find(work, "customer_profile", words, MOST_CUSTOMERS)
    found = {profile["id"]: profile for profile in map(msgspec.json.decode, profiles)}
    return list(found.values())[:MOST_CUSTOMERS]
