"""Macros that a message was written with: they must be there, and each use is counted and told."""

from collections.abc import Sequence
from typing import Any

import msgspec

from polus.base import errors
from polus.desk.macros import macros
from polus.desk.tickets.drafts import Draft
from polus.store.work import Work

ARCHIVED = "The macro is archived."
KNOWN = "select id, archived_datetime from macros where account_id = $1 and id = any($2::bigint[])"
# Old messages that are taken over from elsewhere use nothing.
WRITTEN_WITH = """
select id, macros from messages
where account_id = $1 and ticket_id = $2 and ($3::bigint is null or id = $3) and from_agent
  and imported is not true and macros <> '[]'
order by id
"""


def _ids(draft: Draft) -> list[int]:
    """What the draft names and may not be archived."""
    named = [] if draft.imported or not draft.from_agent else draft.macros or []
    return [macro["id"] for macro in named]


async def problems(work: Work, drafts: Sequence[Draft]) -> dict[int, Any]:
    """By the place of a draft: messages on `macros` that are archived or not there. No statement without macros."""
    named = {macro_id for draft in drafts for macro_id in _ids(draft)}
    if not named:
        return {}
    rows = await work.db.fetch(KNOWN, work.account.id, list(named))
    there = {row["id"]: row["archived_datetime"] is not None for row in rows}
    found: dict[int, Any] = {}
    for place, draft in enumerate(drafts):
        wrong = {
            str(at): {"id": [ARCHIVED if macro_id in there else errors.MISSING_OBJECT]}
            for at, macro_id in enumerate(_ids(draft))
            if there.get(macro_id, True)
        }
        if wrong:
            found[place] = {"macros": wrong}
    return found


async def record(work: Work, ticket_id: int, drafts: Sequence[Draft], message_id: int | None = None) -> None:
    """Count and tell the macros of a ticket's new messages (or of the one). Events macro-applied."""
    if not any(map(_ids, drafts)):
        return
    for row in await work.db.fetch(WRITTEN_WITH, work.account.id, ticket_id, message_id):
        for macro in msgspec.json.decode(row["macros"]):
            data = {"ticket_id": ticket_id, "message_id": row["id"], "rule_id": None, "job_id": None}
            work.record("macro-applied", "Macro", macro["id"], data)
            await macros.used(work, macro["id"])
