"""Tickets that an agent opens himself: a mail to a customer, or a note of what was said elsewhere, a call for instance.

The message is made as `composing` makes those of answers, the ticket by the verb that the API has.
"""

import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from polus.base import addresses, errors
from polus.desk import composing, files
from polus.desk.composing import Composed
from polus.desk.customers import customers
from polus.desk.files import Kept
from polus.desk.tickets import opening
from polus.desk.tickets.opening import Opening
from polus.store.work import Work

# A form that is sent twice, because its answer was lost, opens one ticket: its mark is in the message's identity.
HOLD = "select pg_advisory_xact_lock(hashtextextended($2, $1))"
OPENED = "select ticket_id from messages where account_id = $1 and message_id = $2 order by id limit 1"
NOBODY = {"id": None, "name": None, "email": None}


class Beginning(msgspec.Struct, kw_only=True, frozen=True):
    """What the ticket is to be, besides its first message. Ids of assignees are checked.

    `mark`: the form's own; one that opened a ticket already opens no other.
    """

    subject: str
    mark: uuid.UUID
    assignee_user_id: int | None = None
    assignee_team_id: int | None = None
    tags: list[str] = []


async def begin(work: Work, composed: Composed, beginning: Beginning, kept: Sequence[Kept] = ()) -> int:
    """Open a ticket; its id. 400: Unusable, and what `opening.create` refuses.

    A mail's first recipient is its customer, made when he is new; a note is about whom `to` names, by e-mail address
    or by his number. `kept`: files that come with it and have no row yet.
    """
    identity = f"<{beginning.mark}@{urlsplit(work.account.home).hostname}>"
    await work.db.execute(HOLD, work.account.id, identity)
    opened: int | None = await work.db.fetchval(OPENED, work.account.id, identity)
    if opened is not None:
        return opened
    draft = await composing.worded(work, composed, len(kept))
    draft.message_id, draft.subject = identity, beginning.subject
    customer = None
    if composed.mode == "note":
        customer = await _named(work, composed.to)
    else:
        composing.by_mail(draft, composed, NOBODY)
    stored = await files.add(work, "attachment", kept, referenced=True)
    more = [msgspec.json.decode(file) | {"public": False} for file in stored]
    draft.attachments = [*(draft.attachments or []), *more] or None
    wanted = Opening(
        messages=[draft],
        customer=customer,
        via="helpdesk",
        subject=beginning.subject,
        assignee_user_id=beginning.assignee_user_id,
        assignee_team_id=beginning.assignee_team_id,
        tags=beginning.tags,
    )
    return await opening.create(work, wanted)


async def _named(work: Work, typed: str) -> dict[str, Any]:
    """Whom a note is about: somebody new may be named by his address alone."""
    if not typed.strip():
        raise errors.one("to", errors.REQUIRED)
    if "@" not in typed:
        return {"id": await customers.named(work, typed.strip().removeprefix("#"), "to")}
    first = composing.recipients(typed, "to", NOBODY)[0]
    return {"email": addresses.email(first["address"])} | ({"name": first["name"]} if first["name"] else {})
