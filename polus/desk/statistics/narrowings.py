"""What the pages of statistics can be narrowed by, and the names of what they group by."""

from collections.abc import Sequence
from typing import Any

from polus.store.work import Work

USERS = """
select id, name from users where account_id = $1 and deleted_datetime is null and role <> 'internal-agent'
order by name, id limit 500
"""
TEAMS = "select id, name from teams where account_id = $1 order by name, id limit 200"
TAGS = "select id, name from tags where account_id = $1 order by usage desc, name limit 300"
FIELDS = """
select id, label as name from custom_fields where account_id = $1 and object_type = 'Ticket'
  and deactivated_datetime is null order by priority desc, id limit 200
"""
STORES = """
select id, name from integrations where account_id = $1 and type in ('shopify', 'magento2', 'bigcommerce', 'ecommerce')
order by name, id limit 200
"""
ALL = {"agent": USERS, "team": TEAMS, "tag": TAGS, "field": FIELDS, "store": STORES}
NAMES = {
    "agentId": "select id, name from users where account_id = $1 and id = any($2::bigint[])",
    "tagId": "select id, name from tags where account_id = $1 and id = any($2::bigint[])",
    # Parts of the page of automation.
    "rules": "select id, name from rules where account_id = $1 and id = any($2::bigint[])",
    "macros": "select id, name from macros where account_id = $1 and id = any($2::bigint[])",
}
TICKETS = """
select id, subject, status, channel, created_datetime from tickets where account_id = $1 and id = any($2::bigint[])
"""


async def choices(work: Work) -> dict[str, list[tuple[int, str]]]:
    """(id, name) of agents, teams, tags, fields and stores."""
    return {
        kind: [(row["id"], row["name"]) for row in await work.db.fetch(sql, work.account.id)]
        for kind, sql in ALL.items()
    }


async def names(work: Work, by: str, ids: Sequence[Any]) -> dict[Any, str]:
    """The names of agents, tags, rules or macros; nothing for what speaks for itself."""
    known = [number for number in ids if number is not None]
    return dict(await work.db.fetch(NAMES[by], work.account.id, known)) if by in NAMES else {}


async def tickets(work: Work, ids: Sequence[int]) -> dict[int, Any]:
    """What a list shows of tickets."""
    return {row["id"]: dict(row) for row in await work.db.fetch(TICKETS, work.account.id, list(ids))}
