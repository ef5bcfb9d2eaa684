"""`polus import`: what other programs know is taken in, some at a time. What was cut off may be imported again."""

import io
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from polus import commands, founding, screen
from polus.base.settings import Misconfigured, Settings
from polus.desk.shops import exports, shops
from polus.store.database import Database
from polus.store.work import SYSTEM, Account, writing

AT_ONCE = 100


async def shop(settings: Settings, domain: str, path: Path, name: str, as_json: bool) -> None:
    """A file of a shop's customers and orders; `name`: the shop's domain, connected when it is not yet."""
    told = {"customers": 0, "orders": 0, "ignored": 0}
    try:
        async with founding.current(settings) as database:
            account = await commands.only_account(database, domain)
            integration_id = await _take(database, account, path, name, told, shown=not as_json)
    except (exports.Unreadable, UnicodeDecodeError, OSError) as error:
        raise Misconfigured(
            "import-unreadable",
            f"{path} cannot be read: {error}",
            "Give JSON lines, or customers or orders as Shopify exports them (CSV).",
        ) from error
    if as_json:
        screen.say_json({"integration_id": integration_id, **told})
    else:
        screen.say(
            f"{name}: {told['customers']} customers and {told['orders']} orders taken, {told['ignored']} ignored"
            " because nothing says whose they are."
        )


async def _take(
    database: Database, account: Account, path: Path, name: str, told: dict[str, int], *, shown: bool
) -> int:
    # This process serves nobody else: it may wait for a disk.
    raw = path.open("rb")
    with raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as file:
        async with writing(database, account, SYSTEM) as work:
            integration_id = await shops.find(work, name) or await shops.connect(work, name, name)
        news = exports.table(file) if path.suffix.lower() == ".csv" else exports.lines(file)
        with screen.progress("Bytes", max(os.fstat(raw.fileno()).st_size, 1), shown=shown) as progress:
            for some in _batched(news):
                async with writing(database, account, SYSTEM) as work:
                    for topic, body in some:
                        taken = await shops.take(work, integration_id, topic, body)
                        told[topic.partition("/")[0] if taken else "ignored"] += 1
                progress(raw.tell())
    return integration_id


def _batched(news: Iterable[exports.News]) -> Iterator[list[exports.News]]:
    iterator = iter(news)
    while some := list(islice(iterator, AT_ONCE)):
        yield some
