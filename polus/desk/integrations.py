"""Integrations: what an account is connected to. Here its e-mail addresses; other types come with their channels."""

from typing import Any

import asyncpg

from polus.base import errors, wire
from polus.store.work import Work

ADD_EMAIL = """
insert into integrations (account_id, type, name, meta, created_datetime, updated_datetime)
values ($1, 'email', $2, $3, $4, $4) returning id
"""

EMAILS = """
select id, name, meta->>'address' as address from integrations
where account_id = $1 and type = 'email' and deactivated_datetime is null order by id
"""


async def add_email(work: Work, address: str, name: str) -> int:
    """Connect an e-mail address at which the account receives and from which it sends; the integration's id.

    409 when the address is connected already, in whichever account of the installation.
    """
    meta = wire.encode({"address": address.lower()})
    try:
        integration_id: int = await work.db.fetchval(ADD_EMAIL, work.account.id, name, meta, work.now)
    except asyncpg.UniqueViolationError:
        raise errors.Conflict({"address": [errors.IN_USE]}) from None
    work.record("integration-created", "Integration", integration_id, {"name": name})
    return integration_id


async def emails(work: Work) -> list[Any]:
    """The account's addresses in use: id, name, address, the oldest first."""
    return list(await work.db.fetch(EMAILS, work.account.id))
