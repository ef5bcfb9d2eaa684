"""Merging and splitting tickets: `/api/_polus/tickets/{id}/merge` and `…/split`."""

from typing import Annotated

import msgspec
from msgspec import Meta

from polus.api.fields import Id
from polus.api.operation import Call, NoQuery, operation
from polus.api.ticket_types import Ticket
from polus.base import errors
from polus.desk.tickets import merging, splitting, tickets
from polus.store.work import Work

TAG = "Tickets"


class MergeInput(msgspec.Struct, forbid_unknown_fields=True):
    """The ticket that becomes part of the other."""

    source_id: Id


class SplitInput(msgspec.Struct, forbid_unknown_fields=True):
    """The messages that become a ticket of their own."""

    message_ids: Annotated[list[Id], Meta(min_length=1, max_length=splitting.MOST)]


@operation(
    "POST", "/api/_polus/tickets/{id}/merge", id="merge-tickets", scope="tickets:write", role="basic-agent",
    body=MergeInput, answer=Ticket, status=201, redirects=True, subject=tickets.require, tag=TAG,
)  # fmt: skip
async def merge(work: Work, call: Call[NoQuery, MergeInput]) -> bytes:
    """Merge another ticket into this one.

    Its messages and tags move here, and it answers 301 from then on. There is no way back.
    """
    await tickets.require(work, call.id)
    try:
        await merging.merge(work, call.body.source_id, call.id)
    except (errors.NotFound, errors.Merged):
        raise errors.one("source_id", errors.MISSING_OBJECT) from None
    return (await tickets.get_changed(work, call.id)).encode()


@operation(
    "POST", "/api/_polus/tickets/{id}/split", id="split-ticket", scope="tickets:write", role="basic-agent",
    body=SplitInput, answer=Ticket, status=201, redirects=True, subject=tickets.require, tag=TAG,
)  # fmt: skip
async def split(work: Work, call: Call[NoQuery, SplitInput]) -> bytes:
    """Take messages out of a ticket into a new one.

    The answer is the new ticket: open, of the oldest message's sender and channel, with the same assignees.
    """
    made = await splitting.split(work, call.id, call.body.message_ids)
    return (await tickets.get_changed(work, made)).encode()
