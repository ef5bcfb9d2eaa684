"""Shops whose customers and orders are kept: `/api/_polus/shops`. An integration of theirs is removed as any other."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from polus.api.fields import NO_LENGTH, When
from polus.api.operation import Call, NoQuery, operation
from polus.base import errors, wire
from polus.desk.shops import shops
from polus.store.work import Work

TAG = "Integrations"
Name = Annotated[str, Meta(min_length=1, max_length=256, extra_json_schema=NO_LENGTH)]
Secret = Annotated[str, Meta(min_length=1, max_length=1024, extra_json_schema=NO_LENGTH)]


class ShopInput(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A shop to be connected. `secret`: what it signs its webhooks with."""

    name: Name
    domain: str
    secret: Secret | None = None


class ShopUpdate(msgspec.Struct, forbid_unknown_fields=True):
    """Another secret, or none: then nothing is taken from the shop."""

    secret: Secret | None


class Arrivals(msgspec.Struct, kw_only=True):
    """What came from the shop within two weeks: `parked` could not be taken."""

    last_datetime: When | None
    waiting: int
    parked: int


class Shop(msgspec.Struct, kw_only=True):
    """A shop. Its webhooks go to `webhook_url`."""

    integration_id: int
    uuid: str
    name: str
    type: Literal["shopify"]
    domain: str
    webhook_url: str
    has_secret: bool
    created_datetime: When
    deactivated_datetime: When | None
    arrivals: Arrivals


class Shops(msgspec.Struct):
    """All shops."""

    object: Literal["list"]
    data: list[Shop]


@operation(
    "GET",
    "/api/_polus/shops",
    id="list-shops",
    scope="integrations:read",
    role="admin",
    answer=Shops,
    tag=TAG,
)
async def list_(work: Work, call: Call[NoQuery, None]) -> bytes:
    """List the shops."""
    return wire.encode({"object": "list", "data": await shops.browse(work)}).encode()


@operation(
    "POST", "/api/_polus/shops", id="create-shop", scope="integrations:write", role="admin", body=ShopInput, answer=Shop,
    status=201, tag=TAG,
)  # fmt: skip
async def create(work: Work, call: Call[NoQuery, ShopInput]) -> bytes:
    """Connect a shop.

    Give its webhooks for customers and orders the address in the answer.
    """
    if not shops.DOMAIN.fullmatch(call.body.domain):
        raise errors.one("domain", shops.NOT_DOMAIN)
    integration_id = await shops.connect(work, call.body.name, call.body.domain, call.body.secret)
    return (await shops.get(work, integration_id)).encode()


@operation(
    "PUT", "/api/_polus/shops/{id}", id="update-shop", scope="integrations:write", role="admin", body=ShopUpdate,
    answer=Shop, status=202, subject=shops.require, tag=TAG,
)  # fmt: skip
async def update(work: Work, call: Call[NoQuery, ShopUpdate]) -> bytes:
    """Change a shop's secret."""
    await shops.set_secret(work, call.id, call.body.secret)
    return (await shops.get(work, call.id)).encode()
