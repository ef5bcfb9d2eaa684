"""Finding people, teams, tags and integrations by a few letters, one statement per search.

Short tables are read through. Customers are found by their words (B-tree) and inside their addresses (three-letter
parts, GIN), and no part of a statement looks at more than some thousand rows: of a query that fits very many, some of
the newest are answered."""

from typing import Any

from polus.base import addresses
from polus.desk import words
from polus.store.work import Work

LONGEST = 1000
PHONES = ["phone"]
# Shorter parts are not looked for inside addresses (`length($5) >= 3`).
SHORTEST_PART = 3

# $1 account, $2 query, $3 how many. `text` is searched by words, `address` for any part.
SHORT = """
with query as (
  select folded($2) as whole, array_remove(regexp_split_to_array(folded($2), '[[:space:][:punct:]]+'), '') as words
)
select {wire}::text from (
  select t.*, folded({text}) as text, lower({address}) as address, folded({name}) as shown
  from {table} t where account_id = $1 {only}
) t, query
where $2 = '' or position(lower($2) in address) > 0 or shown = whole or (cardinality(words) > 0 and not exists (
  select from unnest(words) as word
  where position(' ' || word in ' ' || regexp_replace(text, '[[:space:][:punct:]]+', ' ', 'g')) = 0))
order by $2 <> '' and not (shown = whole or address = lower($2)),
  $2 <> '' and not (starts_with(shown, whole) or starts_with(address, lower($2))),
  created_datetime desc, id desc
limit $3
"""

# $1 account, $2 query in lower case, $3 its words, $4 how many, $5 what is looked for inside addresses, $6 types of
# addresses or null, $7 what whole addresses are compared with.
# The word with the fewest customers leads; the others are looked up for each of these.
BY_WORDS = """
with asked as (
  select word, (select count(*) from (select from customer_words w where w.account_id = $1 and w.word >= a.word
    and w.word < a.word || chr(1114111) {main} limit 1000) n) as hits
  from unnest($3::text[]) as a (word)
), rarest as (
  select word from asked order by hits, length(word) desc limit 1
), near as (
  (select customer_id from customer_words where account_id = $1 and word = (select word from rarest) {main}
    order by customer_id desc limit 2000)
  union
  (select customer_id from customer_words where account_id = $1 and word > (select word from rarest)
    and word < (select word from rarest) || chr(1114111) {main} limit 2000)
), worded as (
  select customer_id from near where not exists (
    select from asked where word <> (select word from rarest) and not exists (
      select from customer_words w where w.account_id = $1 and w.customer_id = near.customer_id
        and w.word >= asked.word and w.word < asked.word || chr(1114111) {main}))
  order by customer_id desc limit 200
)"""

# `lateral … offset 0` below: a few hundred rows looked up by their keys; by itself the planner reads whole tables.
# Inside addresses only when what was found before does not fill the answer.
INSIDE = """ where account_id = $1 and deleted_datetime is null and ($6::text[] is null or type = any($6))
  and length($5) >= 3 and (select count(*) from found) < $4
  and grams(account_id, key) @> grams($1, $5) and position($5 in key) > 0 limit 200"""

CUSTOMERS = (
    BY_WORDS
    + """, found as (
  (select id as customer_id from customers where account_id = $1 and lower(email) = $2 limit 50)
  union (select id from customers where account_id = $1 and lower(name) = $2 order by id desc limit 50)
  {whole}
  union select customer_id from worded
), inside as (
  select customer_id from customer_channels"""
    + INSIDE
    + """
)
select {wire}::text
from (select customer_id from found union select customer_id from inside) f
cross join lateral (select * from customers where account_id = $1 and id = f.customer_id offset 0) c
where c.merged_into_id is null and c.deleted_datetime is null {check}
order by case when $2 in (lower(c.email), lower(c.name)) {whole_rank} then 0
    when starts_with(lower(c.name), $2) or starts_with(lower(c.email), $2) then 1 else 2 end,
  c.created_datetime desc, c.id desc
limit $4
"""
)

NEWEST_CUSTOMERS = """
select {wire}::text from customers c
where account_id = $1 and merged_into_id is null and deleted_datetime is null
order by created_datetime desc, id desc limit $2
"""

PERSON = "json_build_object('id', c.id, 'name', c.name, 'email', c.email)"
PROFILE = """json_build_object('id', c.id, 'name', c.name, 'email', c.email, 'channels', coalesce((
  select json_agg(json_build_object('id', a.id, 'type', a.type, 'address', a.address) order by a.id)
  from customer_channels a where a.account_id = $1 and a.customer_id = c.id and a.deleted_datetime is null), '[]'))"""
ADDRESS = """json_build_object('id', a.id, 'type', a.type, 'address', a.address,
  'customer', json_build_object('id', c.id, 'name', c.name))"""

WHOLE = """union (select customer_id from customer_channels where account_id = $1 and key = $7
    and deleted_datetime is null limit 50)"""
WHOLE_RANK = """or exists (select from customer_channels a where a.account_id = $1 and a.customer_id = c.id
    and a.key = $7 and a.deleted_datetime is null)"""
# An address inside which the query was found counts only if it is the one shown.
CHECK = "and (f.customer_id in (select customer_id from found) or position($5 in lower(c.email)) > 0)"

CHANNELS = (
    BY_WORDS
    + """, found as (
  (select id from customer_channels where account_id = $1 and key = $7 and deleted_datetime is null
    and ($6::text[] is null or type = any($6)) limit 50)
  union select a.id from worded cross join lateral (
    select id from customer_channels where account_id = $1 and customer_id = worded.customer_id
      and deleted_datetime is null and ($6::text[] is null or type = any($6)) offset 0) a
), inside as (
  select id from customer_channels"""
    + INSIDE
    + """
)
select {wire}::text
from (select id from found union select id from inside) f
cross join lateral (select * from customer_channels where account_id = $1 and id = f.id offset 0) a
cross join lateral (select id, name from customers where account_id = $1 and id = a.customer_id offset 0) c
order by case when a.key = $7 or lower(a.address) = $2 then 0 when starts_with(a.key, $5) then 1 else 2 end,
  a.created_datetime desc, a.id desc
limit $4
"""
)

# Of rare types only those among the newest addresses: there is no index for this one question.
NEWEST_CHANNELS = """
select {wire}::text from (
  select * from customer_channels where account_id = $1 and deleted_datetime is null order by id desc limit 10000
) a join customers c on c.account_id = $1 and c.id = a.customer_id
where $3::text[] is null or a.type = any($3)
order by a.id desc limit $2
"""


def _short(table: str, wire: str, *, name: str = "name", address: str = "''", only: str = "") -> str:
    # The address is searched by words too.
    parts = {"{table}": table, "{wire}": wire, "{name}": name, "{address}": address, "{only}": only}
    return _filled(SHORT.replace("{text}", "concat_ws(' ', {name}, {address})"), parts)


def _filled(sql: str, parts: dict[str, str]) -> str:
    for place, text in parts.items():
        sql = sql.replace(place, text)
    return sql


SHORT_TABLES = {
    "agent": _short(
        "users",
        "json_build_object('id', id, 'name', name, 'email', email, 'meta', meta)",
        address="email",
        only="and deleted_datetime is null and role not in ('bot', 'internal-agent')",
    ),
    "integration": _short(
        "integrations",
        "json_build_object('id', id, 'name', name, 'type', type, 'meta', meta)",
        address="coalesce(meta->>'address', '')",
    ),
    "team": _short("teams", "json_build_object('id', id, 'name', name, 'decoration', decoration)"),
    "tag": _short("tags", "json_build_object('id', id, 'name', name, 'decoration', decoration)"),
}
# type -> what a query finds, what no query finds, which addresses
CUSTOMER_TYPES: dict[str, tuple[str, str, list[str] | None]] = {
    "customer": (
        _filled(
            CUSTOMERS,
            {"{wire}": PERSON, "{main}": "and main", "{whole}": "", "{whole_rank}": "", "{check}": CHECK},
        ),
        NEWEST_CUSTOMERS.replace("{wire}", PERSON),
        ["email"],
    ),
    "customer_profile": (
        _filled(
            CUSTOMERS,
            {"{wire}": PROFILE, "{main}": "", "{whole}": WHOLE, "{whole_rank}": WHOLE_RANK, "{check}": ""},
        ),
        NEWEST_CUSTOMERS.replace("{wire}", PROFILE),
        None,
    ),
}
FIND_CHANNELS = _filled(CHANNELS, {"{wire}": ADDRESS, "{main}": ""})
FIND_NEWEST_CHANNELS = NEWEST_CHANNELS.replace("{wire}", ADDRESS)
CHANNEL_TYPES: dict[str, list[str] | None] = {
    "customer_channel": None,
    "customer_channel_email": ["email"],
    "customer_channel_phone": PHONES,
    "customers_by_phone": PHONES,
}


async def find(work: Work, kind: str, query: str, size: int) -> list[str]:
    """The wire forms of at most `size` things of a type that fit the query; the newest when there is none."""
    query = query.strip()[:LONGEST]
    if kind in SHORT_TABLES:
        sql, parameters = SHORT_TABLES[kind], list[Any]((query, size))
    elif kind in CUSTOMER_TYPES:
        found, newest, types = CUSTOMER_TYPES[kind]
        # Whole addresses other than the e-mail tell a profile only.
        asked = _asked(query, size, types)[: None if kind == "customer_profile" else -1]
        sql, parameters = (found, asked) if query else (newest, [size])
    else:
        types = CHANNEL_TYPES[kind]
        asked = _asked(query, size, types)
        if kind == "customers_by_phone" or _tells_number(query):
            # Only addresses that hold the digits, not all addresses of who has one.
            asked[1] = []
        sql, parameters = (FIND_CHANNELS, asked) if query else (FIND_NEWEST_CHANNELS, [size, types])
    return [row[0] for row in await work.db.fetch(sql, work.account.id, *parameters)]


def _asked(query: str, size: int, types: list[str] | None) -> list[Any]:
    """The parameters from $2 on."""
    lower, number = query.lower(), addresses.phone(query)
    if number:
        return [lower, [number], size, _anywhere(number), types, number]
    return [lower, words.asked(query), size, "" if types == PHONES else lower, types, lower]


def _anywhere(number: str) -> str:
    """Dialled from abroad a number has no zero in front: "0612" is inside 33612345678 as "612"."""
    return number.lstrip("0")


def _tells_number(query: str) -> bool:
    return len(_anywhere(addresses.phone(query))) >= SHORTEST_PART
