"""Who is at work: `/api/_polus/presence`."""

import msgspec

from polus.api import lists
from polus.api.fields import When
from polus.api.operation import Call, NoQuery, operation
from polus.base import errors
from polus.desk import presence, users
from polus.store.work import Work

TAG = "Presence"


class Presence(msgspec.Struct):
    """`available`: what the user says himself. `present`: a page of his was open within the last five minutes."""

    user_id: int
    available: bool
    present: bool
    seen_datetime: When | None


class PresenceList(msgspec.Struct):
    """All users but bots."""

    data: list[Presence]


class PresenceInput(msgspec.Struct, forbid_unknown_fields=True):
    """Whether the user wants tickets."""

    available: bool


def _who(work: Work, user_id: int) -> int:
    """0 is the caller; 404 when the caller is no user."""
    found = user_id or work.actor.user_id
    if found is None:
        raise errors.NotFound
    return found


async def _require_mine(work: Work, user_id: int) -> None:
    """Oneself, or anybody as a lead. 403, 404."""
    if user_id in (0, work.actor.user_id):
        return
    work.actor.require("agent")
    await users.require(work, user_id)


@operation(
    "GET", "/api/_polus/presence", id="list-presence", scope="users:read", answer=PresenceList, tag=TAG
)
async def list_(work: Work, call: Call[NoQuery, None]) -> bytes:
    """List who is at work.

    All users but bots, by id. Tickets are given only to users who are both available and present.
    """
    return lists.data(await presence.listed(work))


@operation(
    "PUT",
    "/api/_polus/presence/{id}",
    id="update-presence",
    scope="users:write",
    body=PresenceInput,
    answer=Presence,
    status=202,
    subject=_require_mine,
    tag=TAG,
)
async def update(work: Work, call: Call[NoQuery, PresenceInput]) -> bytes:
    """Say whether a user wants tickets.

    The id is the user's; 0 is the caller. Leads may say it of others.
    """
    await _require_mine(work, call.id)
    user_id = _who(work, call.id)
    await presence.choose(work, user_id, available=call.body.available)
    return (await presence.get(work, user_id)).encode()
