"""Users: the agents of an account, and its bot."""

from typing import Any

import asyncpg

from polus.base import errors
from polus.store.work import Work

INSERT = """
insert into users (account_id, email, name, role, timezone, created_datetime, updated_datetime)
values ($1, $2, $3, $4, $5, $6, $6) returning id
"""


async def create(work: Work, email: str, name: str, role: str, **given: Any) -> int:
    """A new user's id; 409 when the e-mail is taken."""
    try:
        user_id: int = await work.db.fetchval(
            INSERT, work.account.id, email.lower(), name, role, given.get("timezone"), work.now
        )
    except asyncpg.UniqueViolationError:
        raise errors.Conflict({"email": [errors.IN_USE]}) from None
    work.record("user-created", "User", user_id, {"name": name})
    return user_id
