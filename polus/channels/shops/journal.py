"""What a shop sends: held against its secret, written down, then told that it came; taken in the background.

Shopify's published form: the topic and an HMAC-SHA256 of the body, as base64, in headers.
"""

import base64
import binascii
import hmac
from typing import Any

import msgspec
import structlog

from polus.base import clock
from polus.desk.accounts import Book
from polus.desk.shops import shops
from polus.store.database import Database
from polus.store.pool import BROKEN
from polus.store.queue import Key, Lane
from polus.store.work import SYSTEM, writing

MOST_BYTES = 5 * 1024 * 1024
LONGEST = 255

ADD = """
insert into shop_arrivals (account_id, integration_id, external_id, topic, body, received_datetime, due_datetime)
values ($1, $2, $3, $4, $5, $6, $6) on conflict (account_id, integration_id, external_id) do nothing
"""
# A shop's news one after another.
DUE = """
select distinct on (account_id, integration_id) account_id, integration_id from shop_arrivals
where due_datetime <= $2 limit $1
"""
TAKE = """
select id, topic, body, attempts from shop_arrivals
where account_id = $1 and integration_id = $2 and due_datetime <= $3 order by id limit $4 for update skip locked
"""
DONE = """
update shop_arrivals set state = $3, due_datetime = null, error = null where account_id = $1 and id = $2
"""
FAILED = """
update shop_arrivals set attempts = attempts + 1, error = $3,
  due_datetime = now() + make_interval(secs => ($4::float8[])[attempts + 1]),
  state = case when attempts + 1 > cardinality($4::float8[]) then 'parked' else state end
where account_id = $1 and id = $2
"""
BACKOFF = [5.0, 60.0, 600.0, 3600.0]
BATCH = 20

log = structlog.get_logger(__name__)


class Refused(Exception):
    """Not from the shop; `status` is the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


async def accept(database: Database, token: str, headers: Any, body: bytes) -> None:
    """Write down what came to a shop's address, once. Raises Refused: 404 for no shop, 401 for a wrong signature."""
    async with database.pool.acquire() as db:
        shop = await shops.by_token(db, token)
        if shop is None:
            raise Refused(404)
        if not signed(database, shop, headers.get("x-shopify-hmac-sha256", ""), body):
            raise Refused(401)
        topic = headers.get("x-shopify-topic", "")[:LONGEST]
        digest = hmac.new(b"", body + topic.encode("utf-8", "replace"), "sha256").hexdigest()
        external = headers.get("x-shopify-webhook-id", "")[:LONGEST] or digest
        key = (shop["account_id"], shop["integration_id"])
        await db.execute(ADD, *key, external.replace("\0", ""), topic.replace("\0", ""), body, clock.now())
    database.ring(("work", "shops"))


def signed(database: Database, shop: Any, given: str, body: bytes) -> bool:
    """Whether the body bears the shop's signature. A shop without a secret sends nothing."""
    if shop["secret"] is None:
        return False
    try:
        secret = shops.opened(database.vault, shop["account_id"], shop["secret"])
        signature = base64.b64decode(given, validate=True)
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(signature, hmac.new(secret.encode(), body, "sha256").digest())


class Arrivals:
    """The lane of what shops sent."""

    def __init__(self, database: Database, book: Book) -> None:
        self._database = database
        self._book = book

    def lane(self) -> Lane:
        """For `store.queue`."""
        return Lane("shops", self.look, self.run, width=2)

    async def look(self, db: Any, most: int) -> list[Key]:
        """The shops that sent something."""
        return [tuple(row) for row in await db.fetch(DUE, most, clock.now())]

    async def run(self, key: Key) -> bool:
        """Take some of what one shop sent, in its order."""
        account = await self._book.account(key[0])
        async with writing(self._database, account, SYSTEM) as work:
            rows = await work.db.fetch(TAKE, *key, work.now, BATCH)
            for row in rows:
                try:
                    async with work.attempt():
                        given = msgspec.json.decode(row["body"])
                        taken = isinstance(given, dict) and await shops.take(
                            work, key[1], row["topic"], given
                        )
                    state = "taken" if taken else "ignored"
                    await work.db.execute(DONE, account.id, row["id"], state)
                except msgspec.DecodeError:
                    await work.db.execute(DONE, account.id, row["id"], "ignored")
                except BROKEN:
                    raise
                except Exception as error:
                    log.exception("news of a shop not taken", id=row["id"], topic=row["topic"])
                    said = f"{type(error).__name__}: {error}"[:500].replace("\0", "")
                    await work.db.execute(FAILED, account.id, row["id"], said, BACKOFF)
        return bool(rows)
