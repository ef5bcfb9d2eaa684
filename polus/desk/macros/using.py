"""Macros that a message was written with: they must be there, each use is counted, and the chosen actions are done."""

from collections.abc import Sequence
from typing import Any

import msgspec

from polus.base import errors
from polus.desk.macros import applying
from polus.desk.macros.applying import Cause
from polus.desk.tickets import messages
from polus.desk.tickets.drafts import Draft
from polus.lang import actions
from polus.store.work import Work

ARCHIVED = "The macro is archived."
KNOWN = "select id, archived_datetime from macros where account_id = $1 and id = any($2::bigint[])"
# Old messages that are taken over from elsewhere use and do nothing.
WRITTEN_WITH = """
select m.id, m.macros::text as macros, m.actions::text as actions
from messages m join tickets t on t.account_id = m.account_id and t.id = m.ticket_id
where m.account_id = $1 and m.ticket_id = $2 and ($3::bigint is null or m.id = $3) and m.from_agent
  and m.imported is not true and t.imported is not true and (m.macros <> '[]' or m.actions is not null)
order by m.id
"""


def _ids(draft: Draft) -> list[int]:
    """What the draft names and may not be archived."""
    named = [] if draft.imported or not draft.from_agent else draft.macros or []
    return [macro["id"] for macro in named]


def require_rights(work: Work, drafts: Sequence[Draft]) -> None:
    """403 unless the actor may have the drafts' actions done: who may only write notes changes no ticket by them, and
    calls to the outside are for Basic agents and above."""
    for action in (one for draft in drafts if not draft.imported for one in draft.actions or ()):
        if applying.runs(action):
            work.actor.require("basic-agent" if actions.is_external(action["name"]) else "lite-agent")


async def problems(work: Work, drafts: Sequence[Draft]) -> dict[int, Any]:
    """By the place of a draft: messages on `macros` that are archived or not there. No statement without macros. 403
    on `actions`."""
    require_rights(work, drafts)
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


async def send(work: Work, ticket_id: int, draft: Draft) -> int:
    """Store a message with its `macros` (`[{id}]`) and do its `actions`, those chips that were left; its id.

    404, 301, 400. While a call to the outside is to be made (`draft.held`) the message waits, see `outside`.
    Events macro-applied, action-executed and those of `messages.add`.
    """
    for problem in (await problems(work, [draft])).values():
        raise errors.Invalid(problem)
    message_id = await messages.add(work, ticket_id, draft)
    await take_effect(work, ticket_id, [draft], message_id)
    return message_id


async def take_effect(
    work: Work, ticket_id: int, drafts: Sequence[Draft], message_id: int | None = None
) -> None:
    """Count and tell the macros of a ticket's new messages (or of the one), and do their actions."""
    if not any(_ids(draft) or (draft.actions and not draft.imported) for draft in drafts):
        return
    for row in await work.db.fetch(WRITTEN_WITH, work.account.id, ticket_id, message_id):
        named = [macro["id"] for macro in msgspec.json.decode(row["macros"])]
        for macro_id in named:
            await applying.used(work, ticket_id, macro_id, Cause(message_id=row["id"]))
        chosen = msgspec.json.decode(row["actions"] or "null") or []
        if any(map(applying.runs, chosen)):
            cause = Cause(macro_id=named[0] if len(named) == 1 else None, message_id=row["id"])
            await applying.apply(work, ticket_id, chosen, cause)
