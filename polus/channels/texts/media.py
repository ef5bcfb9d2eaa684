"""Files of texts: those that come are fetched and kept as private files, those that go are shown to the provider by
links that work for some hours.
"""

import mimetypes
from collections.abc import Sequence
from typing import Any

from polus.channels import fetching
from polus.channels.fetching import Unfetched
from polus.channels.texts import numbers
from polus.channels.texts.providers import Arrived, Media, Number
from polus.desk import files
from polus.desk.files import Kept
from polus.store.database import Database
from polus.store.work import Account, Work

MOST_BYTES = files.FILE_LIMIT
ATTEMPTS = 3  # after which a text is taken without the files that nobody gives
LINK_SECONDS = 4 * 3600
GONE = "A file of this message is gone: "


class Later(Exception):
    """A file could not be fetched, and waiting may cure it."""


async def fetched(
    database: Database, account: Account, number: Number, arrived: Arrived, *, patient: bool
) -> tuple[list[Kept], list[str]]:
    """The files of a text in the store, and sentences about those that could not be had. Raises Later when `patient`."""
    kept: list[Kept] = []
    lost: list[str] = []
    provider = numbers.PROVIDERS[number.provider]
    try:
        for place, one in enumerate(arrived.media, 1):
            call, name = provider.fetch(number, one), _name(one, place)
            try:
                kept.append(await fetching.fetch(database, account, call, name, limit=MOST_BYTES))
            except Unfetched as failed:
                if failed.again and patient:
                    raise Later(str(failed)) from None
                lost.append(f"{name}: {failed}")
    except BaseException:
        for file in kept:
            await database.files.delete(file.key)
        raise
    return kept, lost


def _name(media: Media, place: int) -> str:
    kind = media.content_type.partition(";")[0].strip().lower()
    return media.name or f"file-{place}{mimetypes.guess_extension(kind) or ''}"


async def shown(work: Work, attachments: Sequence[dict[str, Any]]) -> list[Media]:
    """What a provider may fetch of a message's files; those of other hosts as they are. ValueError when one is gone."""
    found = await files.find(work, [one["url"] for one in attachments])
    shown = []
    for one in attachments:
        file, name = found.get(one["url"]), one.get("name") or "file"
        if file is not None:
            url = files.link(work, file, seconds=LINK_SECONDS)
            shown.append(Media(url, file.content_type, name))
        elif files.placed(work.account, one["url"]) is not None:
            raise ValueError(GONE + name)
        else:
            shown.append(Media(one["url"], one.get("content_type") or "", name))
    return shown
