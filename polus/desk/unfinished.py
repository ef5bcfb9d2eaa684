"""What agents have begun to write: one draft per agent and ticket, kept so that it survives a crash and a change of desk.

The content is `composing.Composed`; nothing is checked here, because half a draft is half a draft.
"""

import msgspec

from polus.base import wire
from polus.desk.composing import Composed
from polus.store.work import Work

SAVE = """
insert into unfinished (account_id, user_id, ticket_id, content, updated_datetime)
select $1, $2, id, $4, $5 from tickets where account_id = $1 and id = $3
on conflict (account_id, user_id, ticket_id)
  do update set content = excluded.content, updated_datetime = excluded.updated_datetime
"""
FORGET = "delete from unfinished where account_id = $1 and user_id = $2 and ticket_id = $3"
GET = "select content from unfinished where account_id = $1 and user_id = $2 and ticket_id = $3"
LIST = """
select ticket_id from unfinished where account_id = $1 and user_id = $2 and ticket_id = any($3::bigint[])
"""


async def save(work: Work, ticket_id: int, composed: Composed) -> None:
    """Keep the actor's draft in place of the one before; an empty one is none."""
    if composed.empty:
        await forget(work, ticket_id)
    else:
        content = wire.encode(msgspec.to_builtins(composed))
        await work.db.execute(SAVE, work.account.id, work.actor.user_id, ticket_id, content, work.now)


async def forget(work: Work, ticket_id: int) -> None:
    """The actor's draft goes, if there is one."""
    await work.db.execute(FORGET, work.account.id, work.actor.user_id, ticket_id)


async def get(work: Work, ticket_id: int) -> Composed | None:
    """The actor's draft in this ticket."""
    content = await work.db.fetchval(GET, work.account.id, work.actor.user_id, ticket_id)
    return None if content is None else msgspec.json.decode(content, type=Composed)


async def among(work: Work, ticket_ids: list[int]) -> set[int]:
    """Those of the tickets in which the actor has a draft."""
    rows = await work.db.fetch(LIST, work.account.id, work.actor.user_id, ticket_ids)
    return {row["ticket_id"] for row in rows}
