"""The account's business hours, from its setting. How they are reckoned with is `lang.hours`."""

from collections.abc import Mapping
from typing import Any

import msgspec

from polus.lang import hours
from polus.lang.hours import Hours
from polus.store.work import Work

SETTING = "select data from account_settings where account_id = $1 and type = 'business-hours'"


async def of(work: Work) -> Hours | None:
    """When the account is at work; None when it does not say."""
    data = await work.db.fetchval(SETTING, work.account.id)
    return None if data is None else parsed(msgspec.json.decode(data))


def parsed(setting: Mapping[str, Any]) -> Hours | None:
    """The hours of the setting's `data`; None when there are none, or none that can be read."""
    if not setting:
        return None
    try:
        return hours.parse(setting)
    except ValueError:
        return None
