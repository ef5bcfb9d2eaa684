"""Agents' own telephones: what rings when a call is for them."""

import phonenumbers

from polus.base import errors
from polus.desk import users
from polus.store.work import Work

NOT_PHONE = "Write the number with its country, like +49 30 1234567."

GET = "select number from user_phones where account_id = $1 and user_id = $2"
SET = """
insert into user_phones (account_id, user_id, number) values ($1, $2, $3)
on conflict (account_id, user_id) do update set number = excluded.number
"""
DROP = "delete from user_phones where account_id = $1 and user_id = $2"


def dialled(text: str) -> str | None:
    """`+49301234567` of a number as people write it; None when it is none that can be dialled from everywhere."""
    try:
        number = phonenumbers.parse(text.strip())
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number) or number.extension:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


async def get(work: Work, user_id: int) -> str | None:
    """The user's number."""
    return await work.db.fetchval(GET, work.account.id, user_id)  # type: ignore[no-any-return]


async def choose(work: Work, user_id: int, text: str) -> None:
    """The user's number from now on, or none for "". 404; 400 on `phone`. Event user-updated, without the number."""
    number = dialled(text) if text.strip() else None
    if text.strip() and number is None:
        raise errors.one("phone", NOT_PHONE)
    await users.require(work, user_id)
    if await get(work, user_id) == number:
        return
    if number is None:
        await work.db.execute(DROP, work.account.id, user_id)
    else:
        await work.db.execute(SET, work.account.id, user_id, number)
    work.record("user-updated", "User", user_id, {"phone": True})
