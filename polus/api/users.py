"""Users: `/api/users`."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.fields import NO_LENGTH, CountryCode, Email, TimezoneName, UserLanguage, UserMeta, When
from polus.api.operation import Call, NoQuery, operation
from polus.base import errors, wire
from polus.desk import removals, users
from polus.store.paging import Kind, Order, Statement
from polus.store.work import Work

# Longer names would not fit the index that sorts by them.
Name = Annotated[str, Meta(max_length=256, extra_json_schema=NO_LENGTH)]
ExternalId = Annotated[str, Meta(max_length=255, extra_json_schema=NO_LENGTH)]
Bio = Annotated[str, Meta(max_length=10_000, extra_json_schema=NO_LENGTH)]
NewPassword = Annotated[str, Meta(min_length=10, max_length=128, extra_json_schema=NO_LENGTH)]
RoleName = Literal["admin", "agent", "basic-agent", "bot", "internal-agent", "lite-agent", "observer-agent"]


class UserRoleInput(msgspec.Struct):
    """A role that people can have. Other keys of a role that was read are passed over."""

    name: Literal["admin", "agent", "basic-agent", "lite-agent", "observer-agent"]


class UserCreate(msgspec.Struct, forbid_unknown_fields=True):
    """A new user."""

    email: Email
    name: Name
    role: UserRoleInput
    bio: Bio | None | UnsetType = UNSET
    country: CountryCode | None | UnsetType = UNSET
    external_id: ExternalId | None | UnsetType = UNSET
    language: UserLanguage | None | UnsetType = UNSET
    meta: UserMeta | None | UnsetType = UNSET
    timezone: TimezoneName | None | UnsetType = UNSET


class UserUpdate(msgspec.Struct, forbid_unknown_fields=True):
    """Changes of a user. The last four are never answered."""

    email: Email | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    role: UserRoleInput | UnsetType = UNSET
    bio: Bio | None | UnsetType = UNSET
    country: CountryCode | None | UnsetType = UNSET
    external_id: ExternalId | None | UnsetType = UNSET
    language: UserLanguage | None | UnsetType = UNSET
    meta: UserMeta | None | UnsetType = UNSET
    timezone: TimezoneName | None | UnsetType = UNSET
    new_password: NewPassword | UnsetType = UNSET
    old_password: str | UnsetType = UNSET
    password_confirmation: str | UnsetType = UNSET
    two_fa_code: str | None | UnsetType = UNSET


class UserRole(msgspec.Struct):
    """What a user may do."""

    name: RoleName


class User(msgspec.Struct):
    """A user as answered."""

    id: int
    uri: str
    active: bool
    bio: str | None
    country: str | None
    email: str
    external_id: str | None
    firstname: str
    lastname: str
    name: str | None
    language: str | None
    meta: UserMeta | None
    role: UserRole
    timezone: str | None
    has_password: bool
    has_2fa_enabled: bool
    client_id: str | None
    created_datetime: When
    updated_datetime: When
    deactivated_datetime: When | None


class UserList(msgspec.Struct):
    """A page of users."""

    object: Literal["list"]
    uri: str
    data: list[User]
    meta: lists.MetaTotal


KEYS: dict[str, tuple[str, Kind]] = {
    "created_datetime": ("created_datetime", "datetime"),
    "name": ("name", "text"),
    "email": ("email", "text"),
    "role.name": ("role", "text"),
}
SORTS = lists.orders(**KEYS)
# Those who are logged in to the workspace come first, whichever way the rest is sorted.
PRESENT = """(exists (select 1 from sessions s where s.account_id = users.account_id and s.user_id = users.id
  and s.expires_datetime > now()))::int"""
AWAY = "1 - " + PRESENT
PRESENT_FIRST = {
    name: Order(((PRESENT if order.descending else AWAY, "number"), *order.keys), order.descending)
    for name, order in SORTS.items()
}
READ_ONLY = (
    "id",
    "uri",
    "active",
    "firstname",
    "lastname",
    "has_password",
    "has_2fa_enabled",
    "client_id",
    "created_datetime",
    "updated_datetime",
    "deactivated_datetime",
)


class UserQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """Which users, in which order."""

    external_id: Annotated[str, Meta(description="The user of this id in another system.")] = ""
    email: Annotated[str, Meta(description="The user of this address, in any case.")] = ""
    search: Annotated[str, Meta(description="A part of the name or the e-mail address.")] = ""
    roles: Annotated[list[RoleName] | UnsetType, Meta(description="Users of these roles.")] = UNSET
    available_first: Annotated[
        bool, Meta(description="Whether those who are logged in to the workspace come first.")
    ] = False
    order_by: Literal[
        "created_datetime:asc",
        "created_datetime:desc",
        "name:asc",
        "name:desc",
        "email:asc",
        "email:desc",
        "role.name:asc",
        "role.name:desc",
    ] = "name:asc"


def _id(work: Work, call: Call[Any, Any]) -> int:
    """Whom a path is about: 0 is the caller; 404 when the caller is no user."""
    user_id = call.id or work.actor.user_id
    if user_id is None:
        raise errors.NotFound
    return user_id


async def _require_mine(work: Work, user_id: int) -> None:
    """Whether the caller may change the user: oneself always, others as admin. 403, 404."""
    if user_id in (0, work.actor.user_id):
        return
    work.actor.require("admin")
    await users.require(work, user_id)


def _given(body: UserCreate | UserUpdate) -> dict[str, Any]:
    given = wire.given(body)
    if "role" in given:
        given["role"] = given["role"]["name"]
    return given


@operation(
    "GET", "/api/users", id="list-users", scope="users:read", query=UserQuery, answer=UserList, tag="Users"
)
async def list_(work: Work, call: Call[UserQuery, None]) -> bytes:
    """List users.

    The account's bot is among them, deleted users are not.
    """
    query = call.query
    statement = Statement(work.account.id, work.account.base_url)
    statement.where(users.LIVING)
    if query.email:
        statement.where("lower(email) = lower($?::text)", query.email)
    if query.external_id:
        statement.where("external_id = $?::text", query.external_id)
    if query.search:
        statement.where(users.NAMED, query.search, query.search)
    if query.roles is not UNSET:
        statement.where("role = any($?::text[])", query.roles)
    order = (PRESENT_FIRST if query.available_first else SORTS)[query.order_by]
    return await lists.page(work, call, users.LIST, statement, order, total=True)


@operation(
    "POST",
    "/api/users",
    id="create-user",
    scope="users:write",
    role="admin",
    body=UserCreate,
    answer=User,
    status=201,
    tag="Users",
)
async def create(work: Work, call: Call[NoQuery, UserCreate]) -> bytes:
    """Create a user.

    Without a time zone the user lives by the account's business hours. An invitation is sent.
    """
    user_id = await users.create(work, **_given(call.body))
    users.invite(work, user_id)
    return (await users.get(work, user_id)).encode()


@operation("GET", "/api/users/{id}", id="get-user", scope="users:read", answer=User, tag="Users", whoami=True)
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get a user.

    The id 0 is the caller.
    """
    return (await users.get(work, _id(work, call))).encode()


@operation(
    "PUT",
    "/api/users/{id}",
    id="update-user",
    scope="users:write",
    body=UserUpdate,
    ignored=READ_ONLY,
    answer=User,
    status=202,
    subject=_require_mine,
    tag="Users",
)
async def update(work: Work, call: Call[NoQuery, UserUpdate]) -> bytes:
    """Update a user.

    Everybody may change himself (the id 0 is the caller) but not his role; admins may change all. A new password
    needs `old_password`, a new e-mail address of one's own `password_confirmation`, when there is a password; both
    need `two_fa_code` when the second factor is on.
    """
    await _require_mine(work, call.id)
    return (await users.update(work, _id(work, call), _given(call.body))).encode()


@operation(
    "DELETE", "/api/users/{id}", id="delete-user", scope="users:write", role="admin", status=204, tag="Users"
)
async def delete(work: Work, call: Call[NoQuery, None]) -> None:
    """Delete a user.

    Keys and log-ins end at once, open tickets are unassigned, messages keep their sender. The account's owner, its
    last admin, its bot and oneself cannot be deleted.
    """
    await removals.remove_user(work, _id(work, call))
