"""Outlets: from which of the account's addresses mail can leave at all. How each server is doing is `mail_servers`'."""

from collections.abc import Sequence
from typing import Any

import msgspec

from polus.store.work import Work

OUTLETS = """
select i.id, i.meta->>'address' as address, s.integration_id is not null as own
from integrations i left join mail_servers s on s.account_id = i.account_id and s.integration_id = i.id and s.way = 'out'
where i.account_id = $1 and i.type = 'email' and i.deactivated_datetime is null order by i.id
"""


class Outlets(msgspec.Struct, frozen=True):
    """`mute`: addresses in use whose answers cannot be sent, as (id, address), the oldest first. `notices`: whether the
    helpdesk's own mails can be: they go out from the oldest address."""

    mute: Sequence[tuple[int, str]]
    notices: bool


async def of(work: Work, *, common: bool) -> Outlets:
    """`common`: whether the installation has a mail server for every address that has none of its own."""
    rows: list[Any] = await work.db.fetch(OUTLETS, work.account.id)
    mute = [(row["id"], row["address"]) for row in rows if not common and not row["own"]]
    return Outlets(mute, bool(rows) and (common or rows[0]["own"]))
