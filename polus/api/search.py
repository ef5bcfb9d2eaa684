"""Search by type: `POST /api/search`."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api.operation import Call, NoQuery, Reply, operation
from polus.desk import searches
from polus.store.work import Work

Kind = Literal[
    "agent",
    "customer",
    "customer_profile",
    "customer_channel",
    "customer_channel_email",
    "customer_channel_phone",
    "customers_by_phone",
    "integration",
    "team",
    "tag",
]
SCOPES = {"agent": "users:read", "team": "users:read", "integration": "integrations:read", "tag": "tags:read"}
# wire: a constant, whatever searches
ENGINE = ((b"x-gorgias-search-engine", b"ES"),)


class SearchInput(msgspec.Struct, forbid_unknown_fields=True):
    """What to look for."""

    type: Kind
    query: str = ""
    size: Annotated[int, Meta(ge=1, le=50)] = 10


class SearchChannel(msgspec.Struct):
    """An address of a customer."""

    id: int
    type: str
    address: str


class SearchCustomer(msgspec.Struct):
    """Whose address it is."""

    id: int
    name: str | None


class SearchItem(msgspec.Struct):
    """What was found: an agent has `name`, `email`, `meta`; a customer `name`, `email`, and as a profile `channels`; an
    address `type`, `address`, `customer`; an integration `name`, `type`, `meta`; teams and tags `name`, `decoration`.
    """

    id: int
    name: str | None | UnsetType = UNSET
    email: str | None | UnsetType = UNSET
    meta: dict[str, Any] | UnsetType = UNSET
    channels: list[SearchChannel] | UnsetType = UNSET
    type: str | UnsetType = UNSET
    address: str | UnsetType = UNSET
    customer: SearchCustomer | UnsetType = UNSET
    decoration: dict[str, Any] | None | UnsetType = UNSET


class SearchMeta(msgspec.Struct):
    """Nothing: results have no pages."""


class SearchResult(msgspec.Struct):
    """What was found, the best first."""

    data: list[SearchItem]
    object: Literal["list"]
    uri: Literal[""]
    meta: SearchMeta


@operation(
    "POST",
    "/api/search",
    id="search",
    scope=None,
    body=SearchInput,
    answer=SearchResult,
    status=201,
    writes=False,
    failure="Failed to search",
    tag="Search",
)
async def search(work: Work, call: Call[NoQuery, SearchInput]) -> Reply:
    """Find customers, their addresses, agents, teams, tags or integrations.

    Every word of the query must begin some word of the thing, or the whole query be part of an address; telephone
    numbers are compared by their digits. Exact matches come first, then those that begin with the query, then the
    rest, each the newest first. An empty query finds the newest. The scope needed is that of reading the type.
    """
    body = call.body
    work.actor.require_scope(SCOPES.get(body.type, "customers:read"))
    items = await searches.find(work, body.type, body.query, body.size)
    # wire: in this order, with an empty address and empty meta
    answer = '{"data":[' + ",".join(items) + '],"object":"list","uri":"","meta":{}}'
    return Reply(answer.encode(), headers=ENGINE)
