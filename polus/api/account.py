"""The account itself: `/api/account`."""

from typing import Literal

import msgspec

from polus.api.fields import When
from polus.api.operation import Call, NoQuery, operation
from polus.api.settings import Setting
from polus.desk import accounts
from polus.store.work import Work


class AccountStatus(msgspec.Struct):
    """Whether the account is in use."""

    status: Literal["active", "deactivated"]


Account = msgspec.defstruct(
    "Account",
    [
        ("created_datetime", When),
        ("deactivated_datetime", When | None),
        ("domain", str),
        ("settings", list[Setting]),
        ("status", AccountStatus),
    ],
    namespace={"__doc__": "The account."},
)


@operation("GET", "/api/account", id="get-account", scope="account:read", answer=Account, tag="Account")
async def get(work: Work, _call: Call[NoQuery, None]) -> bytes:
    """Get the account with its settings."""
    return (await accounts.get(work)).encode()
