"""Filters of this account: checked against its custom fields, tags, people, and compiled for whoever asks.

The language itself is in `polus.lang`; here is what it must be told of an account, and the wire's refusals.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from polus.base import errors
from polus.lang import bind, parse, sql, tree
from polus.lang.nodes import Filter, Reference
from polus.lang.refused import Refused
from polus.lang.sql import Where
from polus.lang.vocabulary import Definition
from polus.store.work import Work

DEFINITIONS = """
select id, object_type, definition->>'data_type' as data_type, definition->'input_settings'->>'input_type' as input_type
from custom_fields where account_id = $1
"""

# Which of the named things are there. Tags are named by id and by name.
THERE = """
select 'User' as kind, id::text as key from users
  where account_id = $1 and deleted_datetime is null and 'User:' || id = any($2::text[])
union all select 'Team', id::text from teams where account_id = $1 and 'Team:' || id = any($2::text[])
union all select 'Tag', id::text from tags where account_id = $1 and 'Tag:' || id = any($2::text[])
union all select 'Tag', name from tags where account_id = $1 and 'Tag:' || name = any($2::text[])
union all select 'Integration', id::text from integrations where account_id = $1 and 'Integration:' || id = any($2::text[])
union all select 'Macro', id::text from macros where account_id = $1 and 'Macro:' || id = any($2::text[])
union all select 'Custom field', id::text from custom_fields where account_id = $1 and 'Custom field:' || id = any($2::text[])
"""

CALLER = "select id, email, name, language, timezone from users where account_id = $1 and id = $2"


class Checked(msgspec.Struct, frozen=True):
    """A filter that passed: its meaning, and its tree as JSON text."""

    meaning: Filter
    ast: str


async def definitions(work: Work, text: str) -> dict[int, Definition]:
    """The account's custom fields, when the text may name one."""
    if "custom_fields" not in text:
        return {}
    rows = await work.db.fetch(DEFINITIONS, work.account.id)
    return {row["id"]: Definition(row["object_type"], row["data_type"], row["input_type"]) for row in rows}


def must_exist(reference: Reference) -> bool:
    """Names of tags are only words: an action makes the tag, a condition waits for it."""
    return not (reference.kind == "Tag" and isinstance(reference.key, str))


async def missing(work: Work, references: Iterable[Reference]) -> list[Reference]:
    """Which of the things that code names are not there."""
    named = list(references)
    if not named:
        return []
    keys = [reference.kind + ":" + str(reference.key) for reference in named]
    rows = await work.db.fetch(THERE, work.account.id, keys)
    there = {(row["kind"], row["key"]) for row in rows}
    return [reference for reference in named if (reference.kind, str(reference.key)) not in there]


async def check(work: Work, text: str, *, customers: bool = False) -> Checked:
    """Parse a filter and find its meaning; 400 on `filters` with all that is wrong."""
    try:
        program = parse.filters(text)
        reading = bind.filters(program, await definitions(work, text), customers=customers)
        gone = await missing(work, filter(must_exist, reading.references))
        return Checked(reading.accept(gone), tree.encode(program))
    except Refused as refused:
        raise errors.Invalid({"filters": refused.messages}) from None


async def meaning(work: Work, text: str, *, customers: bool = False) -> Filter:
    """The meaning of a stored filter, whatever has become of what it names."""
    if "custom_fields" not in text:
        return _plain(text, customers)
    reading = bind.filters(parse.filters(text), await definitions(work, text), customers=customers)
    return reading.bound


@lru_cache(2048)
def _plain(text: str, customers: bool) -> Filter:
    """One that is about no custom field means the same in every account, and for ever."""
    return bind.filters(parse.filters(text), {}, customers=customers).bound


async def caller(work: Work, text: str) -> dict[str, Any]:
    """Who `{{current_user…}}` is; one statement, and only when the text asks for more than the id."""
    if "{{" not in text or work.actor.user_id is None:
        return {"id": work.actor.user_id}
    row = await work.db.fetchrow(CALLER, work.account.id, work.actor.user_id)
    return dict(row) if row is not None else {"id": work.actor.user_id}


def where(found: Filter, asking: dict[str, Any], now: datetime, taken: int) -> Where:
    """The condition over tickets `t` (or customers `c`) with parameters numbered on from `taken`."""
    return sql.where(found, asking, now, taken)
