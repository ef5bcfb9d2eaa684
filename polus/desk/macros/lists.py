"""Lists of macros: filtered by words, tags and languages, sorted by a column or by how well they fit a ticket."""

from collections.abc import Sequence
from typing import Any

import msgspec

from polus.base import errors, html
from polus.desk import listings
from polus.desk.listings import Listed
from polus.desk.macros import macros, wording
from polus.desk.macros.wording import Asked, Candidate
from polus.store.paging import Order, Statement
from polus.store.work import Work

LIST = "select {sort}, m.id, " + macros.WIRE + " from macros m"
BY_NAME = Order((("m.name", "text"),), False)

# Everything that ranking needs, in the requested order; whether a macro passes the filters is its last column.
RANKED = """
select m.id, m.intent, m.language, m.usage, m.words, coalesce(u.uses, 0)::bigint as recent, {passes} as passes
from macros m left join (select macro_id, sum(uses) as uses from macro_uses
  where account_id = $1 and day > $2::date - 90 group by macro_id) u on u.macro_id = m.id
where m.account_id = $1 order by {order}
"""

# A ticket that was merged speaks through the one it became part of. The newest message of the customer, or the one
# that is asked for.
ASKED = """
select t.subject, t.language, n.id as message_id, n.body_text, n.body_html, n.stripped_text, n.intents
from tickets o join tickets t on t.account_id = o.account_id and t.id = coalesce(o.merged_into_id, o.id)
left join lateral (
  select * from messages m where m.account_id = t.account_id and m.ticket_id = t.id
    and case when $3::bigint is null then not m.from_agent else m.id = $3 end
  order by m.created_datetime desc, m.id desc limit 1) n on true
where o.account_id = $1 and o.id = $2
"""

BY_IDS = (
    "select "
    + macros.WIRE
    + " from unnest($2::bigint[]) with ordinality as g (id, place)"
    + " join macros m on m.account_id = $1 and m.id = g.id order by g.place"
)


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which macros. `languages`: any of these, None for macros without one; `archived`: None for both."""

    search: str = ""
    tags: Sequence[str] = ()
    languages: Sequence[str | None] = ()
    archived: bool | None = False


def narrow(statement: Statement, filters: Filters) -> None:
    """Add the conditions of `filters`."""
    asked = wording.tokens(filters.search)
    for place, word in enumerate(asked):
        # The last word may not be typed to its end.
        end = "" if place == len(asked) - 1 else " "
        statement.where("position($? in m.words) > 0", " " + word + end)
    if filters.tags:
        statement.where("m.tags @> $?::text[]", list(filters.tags))
    if filters.languages:
        known = [language for language in filters.languages if language]
        none = len(known) < len(filters.languages)
        statement.where("(m.language = any($?::text[]) or ($? and m.language is null))", known, none)
    if filters.archived is not None:
        statement.where(
            "m.archived_datetime is not null" if filters.archived else "m.archived_datetime is null"
        )


async def browse(work: Work, filters: Filters, cursor: str = "") -> Listed:
    """The macros that pass, by name."""
    statement = Statement(work.account.id)
    statement.where("m.account_id = $1")
    narrow(statement, filters)
    return await listings.browse(work, LIST, statement, BY_NAME, cursor=cursor, id_column="m.id")


async def ranked(
    work: Work, filters: Filters, order: Order, ticket_id: int, message_id: int | None, most: int | None
) -> list[int]:
    """The ids of the macros that pass: the `most` relevant ones (None: all) first, the rest in `order`.

    400 on `ticket_id` or `message_id` when there is no such thing.
    """
    asked = await _asked(work, ticket_id, message_id)
    statement = Statement(work.account.id, work.now.date())
    narrow(statement, filters)
    way = " desc" if order.descending else " asc"
    sql = RANKED.replace("{passes}", " and ".join(statement.conditions) or "true").replace(
        "{order}", "".join(expression + way + ", " for expression, _ in order.keys) + "m.id" + way
    )
    rows = await work.db.fetch(sql, *statement.parameters)
    passing = [row for row in rows if row["passes"]]
    candidates = [
        Candidate(row["id"], row["intent"], row["language"], row["usage"], row["recent"], row["words"])
        for row in passing
    ]
    best = wording.best(asked, candidates, [row["words"] for row in rows])[:most]
    first = set(best)
    return best + [row["id"] for row in passing if row["id"] not in first]


async def by_ids(work: Work, ids: Sequence[int]) -> list[str]:
    """The wire forms of macros in the order of `ids`; what is gone by now is left out."""
    return [row[0] for row in await work.db.fetch(BY_IDS, work.account.id, list(ids))]


async def _asked(work: Work, ticket_id: int, message_id: int | None) -> Asked:
    row = await work.db.fetchrow(ASKED, work.account.id, ticket_id, message_id)
    missing = "ticket_id" if row is None else "message_id"
    if row is None or (message_id is not None and row["message_id"] is None):
        raise errors.Invalid({missing: [errors.MISSING_OBJECT]}, "Invalid query parameters")
    return Asked(_text(row), row["language"], _intents(row["intents"]))


def _text(row: Any) -> str:
    said = row["stripped_text"] or row["body_text"]
    if not said and row["body_html"]:
        said = html.to_text(row["body_html"])
    return (row["subject"] or "") + "\n" + (said or "")


def _intents(given: str | None) -> frozenset[str]:
    """The intents of the message that no agent has rejected."""
    found = msgspec.json.decode(given) if given else []
    return frozenset(intent["name"] for intent in found if not intent.get("rejected"))
