"""Teams: `/api/teams`."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.fields import NO_COUNT, NO_LENGTH, Free, Id, When
from polus.api.operation import Call, NoQuery, operation
from polus.base import wire
from polus.desk import removals, teams
from polus.store.paging import Statement
from polus.store.work import Work

Name = Annotated[
    str, Meta(min_length=1, max_length=teams.NAME_LENGTH, extra_json_schema={"x-untold": ["maxLength"]})
]
Description = Annotated[str, Meta(max_length=1024, extra_json_schema=NO_LENGTH)]


class TeamMemberInput(msgspec.Struct, forbid_unknown_fields=True):
    """A user, by `id` or else by `email`; the rest of a member that was read is passed over."""

    id: Id | UnsetType = UNSET
    name: str | None | UnsetType = UNSET
    email: Annotated[str, Meta(max_length=320)] | None | UnsetType = UNSET
    meta: Any | UnsetType = UNSET


Members = Annotated[list[TeamMemberInput], Meta(max_length=teams.MEMBERS, extra_json_schema=NO_COUNT)]


class TeamCreate(msgspec.Struct, forbid_unknown_fields=True):
    """A new team."""

    name: Name
    description: Description | None = None
    decoration: Free | None | UnsetType = UNSET
    members: Members | UnsetType = UNSET


class TeamUpdate(msgspec.Struct, forbid_unknown_fields=True):
    """Changes of a team."""

    name: Name | UnsetType = UNSET
    description: Description | None | UnsetType = UNSET
    decoration: Free | None | UnsetType = UNSET
    members: Members | UnsetType = UNSET


class TeamMember(msgspec.Struct):
    """A user in a team."""

    id: int
    name: str | None
    email: str | None
    meta: Any


class Team(msgspec.Struct):
    """A team as answered."""

    id: int
    uri: str
    name: str
    description: str | None
    decoration: Free | None
    members: list[TeamMember]
    created_datetime: When


class TeamList(msgspec.Struct):
    """A page of teams."""

    object: Literal["list"]
    uri: str
    data: list[Team]
    meta: lists.MetaCursors


ORDERS = lists.orders(created_datetime=("created_datetime", "datetime"), name=("name", "text"))
READ_ONLY = ("id", "uri", "created_datetime")


class TeamQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """In which order."""

    order_by: Literal["created_datetime:asc", "created_datetime:desc", "name:asc", "name:desc"] = (
        "created_datetime:desc"
    )


@operation(
    "GET", "/api/teams", id="list-teams", scope="users:read", query=TeamQuery, answer=TeamList, tag="Teams"
)
async def list_(work: Work, call: Call[TeamQuery, None]) -> bytes:
    """List teams with their members."""
    statement = Statement(work.account.id)
    statement.where("account_id = $1")
    return await lists.page(work, call, teams.LIST, statement, ORDERS[call.query.order_by])


@operation(
    "POST",
    "/api/teams",
    id="create-team",
    scope="users:write",
    role="agent",
    body=TeamCreate,
    answer=Team,
    status=201,
    tag="Teams",
)
async def create(work: Work, call: Call[NoQuery, TeamCreate]) -> bytes:
    """Create a team.

    Members are named by their id or e-mail address.
    """
    given = {"decoration": {}, **wire.given(call.body)}
    return (await teams.create(work, **given)).encode()


@operation("GET", "/api/teams/{id}", id="get-team", scope="users:read", answer=Team, tag="Teams")
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get a team with its members."""
    return (await teams.get(work, call.id)).encode()


@operation(
    "PUT",
    "/api/teams/{id}",
    id="update-team",
    scope="users:write",
    role="agent",
    body=TeamUpdate,
    ignored=READ_ONLY,
    answer=Team,
    status=202,
    subject=teams.require,
    tag="Teams",
)
async def update(work: Work, call: Call[NoQuery, TeamUpdate]) -> bytes:
    """Update a team.

    `members` replaces all members.
    """
    return (await teams.update(work, call.id, wire.given(call.body))).encode()


@operation(
    "DELETE", "/api/teams/{id}", id="delete-team", scope="users:write", role="agent", status=204, tag="Teams"
)
async def delete(work: Work, call: Call[NoQuery, None]) -> None:
    """Delete a team.

    Its tickets lose the team, its members stay.
    """
    await removals.remove_team(work, call.id)
