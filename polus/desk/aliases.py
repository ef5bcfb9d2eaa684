"""Further addresses of e-mail integrations: mail to one arrives at the integration, answers can go out from it."""

from typing import Any

from polus.base import addresses, errors
from polus.desk import integrations
from polus.store.work import Work

# Two that take one address at once, as an alias or an integration of whichever account, wait for one another.
HOLD = integrations.HOLD_ADDRESS
INSERT = """
insert into mail_aliases (account_id, integration_id, address, name, created_datetime)
select $1, i.id, $3, $4, $5 from integrations i where i.account_id = $1 and i.id = $2 and i.type = 'email'
  and not exists (select from integrations o where o.type = 'email' and lower(o.meta->>'address') = $3)
  and not exists (select from mail_aliases o where lower(o.address) = $3)
returning id
"""
COUNT = "select count(*) from mail_aliases where account_id = $1 and integration_id = $2"
LIST = """
select id, address, name from mail_aliases where account_id = $1 and integration_id = $2 order by id
"""
OWN = """
select lower(meta->>'address'), false from integrations
where account_id = $1 and type = 'email' and deactivated_datetime is null
union all select lower(a.address), true from mail_aliases a join integrations i on i.account_id = a.account_id
  and i.id = a.integration_id where a.account_id = $1 and i.deactivated_datetime is null
"""
DELETE = (
    "delete from mail_aliases where account_id = $1 and integration_id = $2 and id = $3 returning address"
)
UNSIGN = "delete from mail_signatures where account_id = $1 and integration_id = $2 and address = $3"

MOST = 100


async def add(work: Work, integration_id: int, address: str, name: str = "") -> int:
    """One more address of an e-mail integration; its id. 404; 400; 409 when it is somebody's already, in whichever
    account. Event integration-updated."""
    address = address.strip().lower()
    if not addresses.is_email(address) or "+" in address.partition("@")[0]:
        raise errors.one("alias", errors.NOT_EMAIL)
    await integrations.require(work, integration_id)
    await work.db.execute(HOLD, address)
    if await work.db.fetchval(COUNT, work.account.id, integration_id) >= MOST:
        raise errors.one("alias", f"At most {MOST}.")
    alias_id: int | None = await work.db.fetchval(
        INSERT, work.account.id, integration_id, address, name or None, work.now
    )
    if alias_id is None:
        raise errors.Conflict({"alias": [errors.IN_USE]})
    work.record("integration-updated", "Integration", integration_id, {"aliases": [None, address]})
    return alias_id


async def of(work: Work, integration_id: int) -> list[Any]:
    """Those of one integration: id, address, name, the oldest first."""
    return list(await work.db.fetch(LIST, work.account.id, integration_id))


async def own(work: Work) -> dict[str, bool]:
    """All addresses at which the account receives, in lower case, and whether each is an alias."""
    return dict(await work.db.fetch(OWN, work.account.id))


async def remove(work: Work, integration_id: int, alias_id: int) -> None:
    """Receive at it no more; 404. Messages keep it. Event integration-updated."""
    address = await work.db.fetchval(DELETE, work.account.id, integration_id, alias_id)
    if address is None:
        raise errors.NotFound
    await work.db.execute(UNSIGN, work.account.id, integration_id, address)
    work.record("integration-updated", "Integration", integration_id, {"aliases": [address, None]})
