"""The folders of a mailbox that are fetched: which there are, how far each is, and the mails they had before.

Whose they are is minded in `mail_servers`; they are read in `channels.email`.
"""

import datetime
from collections.abc import Sequence
from typing import Any

from polus.base import errors
from polus.store.work import Work

# Another server numbers its mails anew, whatever it is called: where we were in the old one says nothing.
FORGET_FOLDERS = (
    "delete from mail_folders where account_id = $1 and integration_id = $2 and not name = any($3)"
)
PLACE_FOLDERS = """
insert into mail_folders (account_id, integration_id, name, place)
select $1, $2, name, place from unnest($3::text[]) with ordinality as f (name, place)
on conflict (account_id, integration_id, name) do update set place = excluded.place, stuck_uid = null, stuck = 0
"""
FOLDERS_OF = """
select name, last_uid, seen_datetime, history_since, history_uid, history_top, history_count from mail_folders
where account_id = $1 and integration_id = $2 order by place
"""
HISTORY = """
update mail_folders set history_since = $3, history_uid = 0, history_top = last_uid, history_count = 0
where account_id = $1 and integration_id = $2 returning name
"""
NO_HISTORY = """
update mail_folders set history_since = null, history_uid = null, history_top = null
where account_id = $1 and integration_id = $2 and history_since is not null returning name
"""


async def listed(work: Work, integration_id: int) -> list[Any]:
    """The mailbox's folders in their order: name, how far each is, and how far its history is."""
    return list(await work.db.fetch(FOLDERS_OF, work.account.id, integration_id))


async def place(work: Work, integration_id: int, names: Sequence[str], keep: Sequence[str]) -> None:
    """Fetch these, in this order; only those of `keep` go on from where they are."""
    await work.db.execute(FORGET_FOLDERS, work.account.id, integration_id, list(keep))
    await work.db.execute(PLACE_FOLDERS, work.account.id, integration_id, list(names))


async def fetch_history(work: Work, integration_id: int, since: datetime.date | None) -> None:
    """Take in the mails that the folders had before, of this day and later, as closed tickets; None: stop that. 404.

    Asked for again it begins anew; what is here already is not taken in twice. Event integration-updated.
    """
    statement = (NO_HISTORY, ()) if since is None else (HISTORY, (since,))
    if not await work.db.fetch(statement[0], work.account.id, integration_id, *statement[1]):
        raise errors.NotFound
    work.record(
        "integration-updated", "Integration", integration_id, {"history": [None, since and str(since)]}
    )
    work.ring("work", "mailboxes")
