"""Who the senders, receivers and assignees that a request names are: users, customers, teams."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from polus.base import errors
from polus.store.work import Work

# Everybody whom a list of ids and e-mail addresses can mean, in one statement.
RESOLVE = """
select 'user' as kind, id, lower(email) as email, active from users
where account_id = $1 and deleted_datetime is null and (id = any($2::bigint[]) or lower(email) = any($3::text[]))
union all
select 'customer', coalesce(merged_into_id, id), null, true from customers
where account_id = $1 and id = any($2::bigint[]) and deleted_datetime is null
union all
select 'customer', customer_id, key, true from customer_channels
where account_id = $1 and type = 'email' and deleted_datetime is null and key = any($3::text[])
"""

TEAM = "select exists (select from teams where account_id = $1 and id = $2)"
USER = """
select exists (select from users where account_id = $1 and id = $2 and deleted_datetime is null and active)
"""

Reference = Mapping[str, Any]


class Known(msgspec.Struct):
    """Who is who among the references of one request."""

    user_ids: set[int]
    customer_ids: set[int]
    users: dict[str, int]
    customers: dict[str, int]

    def user(self, reference: Reference) -> int | None:
        """The user that `{id}` or `{email}` means."""
        if reference.get("id") is not None:
            return reference["id"] if reference["id"] in self.user_ids else None
        return self.users.get((reference.get("email") or "").lower())

    def customer(self, reference: Reference) -> int | None:
        """The customer that `{id}` or `{email}` means; None when there is none yet."""
        if reference.get("id") is not None:
            return reference["id"] if reference["id"] in self.customer_ids else None
        return self.customers.get((reference.get("email") or "").lower())


async def resolve(
    work: Work, references: Iterable[Reference | None], customer_id: int | None = None
) -> Known:
    """Look all references up at once; no statement when there are none but to the customer whose id is known."""
    given = [reference for reference in references if reference]
    ids = [reference["id"] for reference in given if reference.get("id") is not None]
    emails = [reference["email"].lower() for reference in given if reference.get("email")]
    known = Known(set(), set() if customer_id is None else {customer_id}, {}, {})
    if not emails and known.customer_ids.issuperset(ids):
        return known
    for row in await work.db.fetch(RESOLVE, work.account.id, ids, emails):
        people, names = (
            (known.user_ids, known.users) if row["kind"] == "user" else (known.customer_ids, known.customers)
        )
        people.add(row["id"])
        if row["email"]:
            names[row["email"]] = row["id"]
    return known


async def require_assignees(work: Work, given: Mapping[str, Any]) -> None:
    """400 on `assignee_user` or `assignee_team` when they name nobody."""
    problems = {}
    if given.get("assignee_user_id") is not None and not await work.db.fetchval(
        USER, work.account.id, given["assignee_user_id"]
    ):
        problems["assignee_user"] = {"id": [errors.MISSING_OBJECT]}
    if given.get("assignee_team_id") is not None and not await work.db.fetchval(
        TEAM, work.account.id, given["assignee_team_id"]
    ):
        problems["assignee_team"] = {"id": [errors.MISSING_OBJECT]}
    if problems:
        raise errors.Invalid(problems)
