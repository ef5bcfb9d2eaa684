"""How channels fare: last words each way, what waits and since when, what went wrong last; by integration.

A channel that keeps a journal or a queue of its own adds a line to `SOURCES`; what all have in common, their messages,
is there. Every answer is one entry of an index or a few, so asking costs the same however much there is.
"""

import datetime
from typing import Any, Literal, NamedTuple

import msgspec

from polus.base import html, text
from polus.store.work import Work

Direction = Literal["in", "out"]
LATE = datetime.timedelta(minutes=15)
"""What waits longer says that the channel does not work."""
ERROR_LENGTH = 300
MOST = 1000

# Of the integration `i`: its newest words. Of the last twenty of its answers, the one that was sent and the one that failed.
HEARD = """
select null::timestamptz as since, m.created_datetime as latest, null::text as error, null::timestamptz as error_datetime
from messages m where m.account_id = i.account_id and m.integration_id = i.id and not m.from_agent
order by m.created_datetime desc limit 1
"""
SAID = """
select null::timestamptz, max(n.sent_datetime),
  (array_agg(n.last_sending_error->>'error' order by n.failed_datetime desc) filter (where n.failed_datetime is not null))[1],
  max(n.failed_datetime)
from (select m.sent_datetime, m.failed_datetime, m.last_sending_error from messages m
  where m.account_id = i.account_id and m.integration_id = i.id and m.from_agent
  order by m.created_datetime desc limit 20) n
"""
MAILS = """
select (select m.received_datetime from mails m where m.account_id = i.account_id and m.integration_id = i.id
    and m.state = 'received' order by m.id limit 1),
  null::timestamptz, p.reason, p.processed_datetime
from (select 1) one left join lateral (
  select m.reason, coalesce(m.processed_datetime, m.received_datetime) as processed_datetime from mails m
  where m.account_id = i.account_id and m.integration_id = i.id and m.state = 'parked' order by m.id desc limit 1) p on true
where i.type = 'email'
"""
# Those that wait longest, two hundred of the account: their messages know where they go out.
MAILED = """
select d.created_datetime, null::timestamptz, d.error, case when d.error is not null then d.created_datetime end
from (select * from deliveries where account_id = i.account_id order by created_datetime limit 200) d
join messages m on m.account_id = d.account_id and m.id = d.message_id and m.integration_id = i.id
where i.type = 'email' order by d.created_datetime limit 1
"""
# The mailbox that is fetched, and the server that sends for the address.
FETCHED = """
select null::timestamptz, s.active_datetime, s.error, s.error_datetime from mail_servers s
where s.account_id = i.account_id and s.integration_id = i.id and s.way = 'in'
"""
SUBMITTED = FETCHED.replace("'in'", "'out'")
# Answers that were not yet put into the chat: each ticket's chat is the one its customer wrote in.
CHATTED = """
select m.created_datetime, null::timestamptz, o.error, case when o.error is not null then m.created_datetime end
from (select * from outbox where account_id = i.account_id and reaction = 'deliver' order by due_datetime limit 200) o
join events e on e.account_id = o.account_id and e.id = o.event_id
join messages m on m.account_id = e.account_id and m.id = e.object_id and m.channel = 'chat'
where i.type = 'gorgias_chat' and i.id = (select p.integration_id from messages p where p.account_id = m.account_id
  and p.ticket_id = m.ticket_id and p.channel = 'chat' and not p.from_agent order by p.created_datetime desc limit 1)
order by m.created_datetime limit 1
"""
CALLED = """
select (select d.created_datetime from http_deliveries d where d.account_id = i.account_id and d.integration_id = i.id
    and d.due_datetime is not null order by d.id limit 1),
  max(n.sent_datetime) filter (where n.state = 'delivered'),
  (array_agg(coalesce(n.error, 'The answer was ' || n.status || '.') order by n.sent_datetime desc)
    filter (where n.state <> 'delivered' and n.sent_datetime is not null))[1],
  max(n.sent_datetime) filter (where n.state <> 'delivered')
from (select d.sent_datetime, d.state, d.error, d.status from http_deliveries d
  where d.account_id = i.account_id and d.integration_id = i.id order by d.id desc limit 20) n
where i.type = 'http'
"""
ARRIVED = """
select (select a.received_datetime from shop_arrivals a where a.account_id = i.account_id and a.integration_id = i.id
    and a.state = 'received' order by a.id limit 1),
  max(n.received_datetime) filter (where n.state <> 'parked'),
  (array_agg(n.error order by n.received_datetime desc) filter (where n.state = 'parked'))[1],
  max(n.received_datetime) filter (where n.state = 'parked')
from (select a.received_datetime, a.state, a.error from shop_arrivals a
  where a.account_id = i.account_id and a.integration_id = i.id order by a.id desc limit 20) n
where exists (select from shops s where s.account_id = i.account_id and s.integration_id = i.id)
"""
# What the provider of telephone numbers is asked; two hundred of the account, those that wait longest.
ORDERED = """
select min(o.created_datetime) filter (where o.state <> 'parked'), null::timestamptz,
  (array_agg(o.error order by o.created_datetime desc) filter (where o.error is not null))[1],
  max(o.created_datetime) filter (where o.error is not null)
from (select * from voice_orders where account_id = i.account_id order by id limit 200) o
join voice_calls c on c.account_id = o.account_id and c.id = o.call_id and c.integration_id = i.id
where i.type = 'phone'
"""
TEXTED_IN = """
select (select a.received_datetime from text_arrivals a where a.account_id = i.account_id and a.integration_id = i.id
    and a.state = 'received' order by a.id limit 1),
  null::timestamptz, p.error, p.received_datetime
from (select 1) one left join lateral (
  select a.error, a.received_datetime from text_arrivals a
  where a.account_id = i.account_id and a.integration_id = i.id and a.state = 'parked' order by a.id desc limit 1) p on true
where i.type in ('sms', 'whatsapp')
"""
TEXTED_OUT = """
select (select d.created_datetime from text_deliveries d where d.account_id = i.account_id and d.integration_id = i.id
    order by d.created_datetime limit 1),
  n.sent_datetime, replace(replace(n.trouble, '&', '&amp;'), '<', '&lt;'), case when n.trouble is not null then n.trouble_datetime end
from text_numbers n where n.account_id = i.account_id and n.integration_id = i.id
"""


class Source(NamedTuple):
    """What is known of one direction of a channel.

    `sql` answers of an integration `i` at most one row: since when the oldest waits, when it worked last, what went
    wrong last and when. `due` is the moment since which something of the whole installation could have been done and
    was not; empty when nothing can wait. With `ours` only this house can be the cause of its waiting.
    """

    channel: str
    direction: Direction
    sql: str
    due: str = ""
    ours: bool = True


SOURCES = (
    Source("", "in", HEARD),
    Source("", "out", SAID),
    Source(
        "email",
        "in",
        MAILS,
        "select due_datetime from mails where state = 'received' and due_datetime <= now() order by id limit 1",
    ),
    Source(
        "email",
        "out",
        MAILED,
        "select due_datetime from deliveries where due_datetime <= now() and worker is null order by due_datetime limit 1",
    ),
    Source(
        "mailboxes",
        "in",
        FETCHED,
        """select s.due_datetime from mail_servers s
        join integrations i on i.account_id = s.account_id and i.id = s.integration_id and i.deactivated_datetime is null
        where s.way = 'in' and s.worker is null and s.due_datetime <= now() order by s.due_datetime limit 1""",
    ),
    Source("mailboxes", "out", SUBMITTED),
    Source(
        "chat",
        "out",
        CHATTED,
        "select due_datetime from outbox where reaction = 'deliver' and due_datetime <= now() order by due_datetime limit 1",
    ),
    Source(
        "http",
        "out",
        CALLED,
        "select due_datetime from http_deliveries where due_datetime <= now() order by due_datetime limit 1",
        ours=False,
    ),
    Source(
        "texts",
        "in",
        TEXTED_IN,
        "select due_datetime from text_arrivals where due_datetime <= now() and worker is null order by due_datetime limit 1",
    ),
    Source(
        "texts",
        "out",
        TEXTED_OUT,
        "select due_datetime from text_deliveries where due_datetime <= now() and worker is null"
        " order by due_datetime limit 1",
    ),
    Source(
        "voice",
        "out",
        ORDERED,
        "select due_datetime from voice_orders where state <> 'parked' and due_datetime <= now() order by due_datetime limit 1",
    ),
    Source(
        "shops",
        "in",
        ARRIVED,
        "select due_datetime from shop_arrivals where due_datetime <= now() order by due_datetime limit 1",
    ),
)
"""One line for each channel and direction; the first two are everybody's."""

_OF_INTEGRATION = "\nunion all\n".join(
    "select '" + one.direction + "' as direction, q.* from (" + one.sql + ") q" for one in SOURCES
)
STATES = (
    """
select i.account_id, i.id, i.type, i.name, i.meta->>'address' as address, i.deactivated_datetime is not null as off,
  i.managed, s.direction, s.since, s.latest, s.error, s.error_datetime
from (select * from integrations where account_id = any($1::bigint[]) order by account_id, id limit $2) i
cross join lateral ("""
    + _OF_INTEGRATION
    + ") s (direction, since, latest, error, error_datetime) order by i.account_id, i.type, i.name, i.id"
)
LAGS = "\nunion all\n".join(
    "select '"
    + one.channel
    + "' as channel, '"
    + one.direction
    + "' as direction, "
    + ("true" if one.ours else "false")
    + " as ours, coalesce(extract(epoch from now() - ("
    + one.due
    + ")), 0)::float8 as seconds"
    for one in SOURCES
    if one.due
)


class Way(msgspec.Struct, frozen=True):
    """One direction. `since`: the oldest that waits; `latest`: when it worked last; `error`: what went wrong last, plain."""

    since: datetime.datetime | None = None
    latest: datetime.datetime | None = None
    error: str = ""
    error_datetime: datetime.datetime | None = None

    @property
    def fails(self) -> bool:
        """Whether nothing has worked since it went wrong."""
        return self.error_datetime is not None and (self.latest is None or self.latest < self.error_datetime)


Word = Literal["off", "failing", "late", "new", "well"]


class State(msgspec.Struct, frozen=True):
    """How one integration fares."""

    account_id: int
    id: int
    type: str
    name: str
    address: str
    off: bool
    heard: Way
    said: Way

    def word(self, now: datetime.datetime) -> Word:
        """All of it in one word; `new`: nothing came and nothing went yet."""
        ways = (self.heard, self.said)
        if self.off:
            return "off"
        if any(way.fails for way in ways):
            return "failing"
        if any(way.since is not None and now - way.since > LATE for way in ways):
            return "late"
        return "well" if any(way.latest for way in ways) else "new"


async def of_account(work: Work) -> list[State]:
    """The account's integrations by type and name."""
    return await of_accounts(work.db, [work.account.id])


async def of_accounts(db: Any, account_ids: list[int]) -> list[State]:
    """The integrations of several accounts, at most a thousand, in one statement."""
    found: dict[tuple[int, int], list[Any]] = {}
    for row in await db.fetch(STATES, account_ids, MOST):
        found.setdefault((row["account_id"], row["id"]), []).append(row)
    return [_state(rows) for rows in found.values()]


def _state(rows: list[Any]) -> State:
    one = rows[0]
    return State(
        one["account_id"],
        one["id"],
        one["type"],
        one["name"],
        one["address"] or "",
        one["off"],
        _way([row for row in rows if row["direction"] == "in"]),
        _way([row for row in rows if row["direction"] == "out"]),
    )


def _way(rows: list[Any]) -> Way:
    wrong = max(
        (row for row in rows if row["error_datetime"]), key=lambda row: row["error_datetime"], default=None
    )
    return Way(
        min((row["since"] for row in rows if row["since"]), default=None),
        max((row["latest"] for row in rows if row["latest"]), default=None),
        text.excerpt(html.to_text(wrong["error"] or ""))[:ERROR_LENGTH] if wrong else "",
        wrong["error_datetime"] if wrong else None,
    )


class Lag(NamedTuple):
    """For how many seconds work of a channel has been due in the whole installation."""

    channel: str
    direction: Direction
    ours: bool
    seconds: float


async def lags(db: Any) -> list[Lag]:
    """One for each channel and direction in which something can wait."""
    return [Lag(*row) for row in await db.fetch(LAGS)]
