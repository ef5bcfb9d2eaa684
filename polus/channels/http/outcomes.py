"""What becomes of deliveries after an attempt: done, tried again, failed, and what the whole line learns from it.

`judge` and `learn` are pure; `settle` writes one turn's outcomes down in the caller's transaction.
"""

import datetime
import random
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from polus.base import clock, figures, wire
from polus.channels.http import requests
from polus.channels.http.dialling import Outcome
from polus.channels.http.requests import Request
from polus.desk import integrations, notices
from polus.desk.hooks.deliveries import PATIENCE
from polus.store.work import Work

# Seconds to the next attempts of a delivery; once more each quarter of an hour while the receiver is away.
RETRIES = (10.0, 60.0, 300.0)
AWAY = 900.0
LONGEST_WAIT = 300.0  # that a receiver may ask for
# Attempts in a row that met nobody, after which the line waits. Fewer than a delivery has: none is lost meanwhile.
TROUBLES = 3
WIDEST = 20
MOST_FAILURES = 100
MOST_KEPT = 2_048  # characters of bodies in the log
MOST_HISTORY = 10
REASON = "100 deliveries in a row failed."

MINE = """
select 1 from http_lines where account_id = $1 and integration_id = $2 and worker = $3 for update
"""
WRITE = """
update http_deliveries d set attempts = d.attempts + 1, state = g.state, due_datetime = g.due, tries = g.tries,
  sent_datetime = g.sent, duration = g.duration, status = g.status, error = g.error, request = g.request::jsonb,
  answer = g.answer, history = g.history::jsonb
from unnest($2::bigint[], $3::text[], $4::timestamptz[], $5::int[], $6::timestamptz[], $7::int[], $8::int[],
  $9::text[], $10::text[], $11::text[], $12::text[])
  as g (id, state, due, tries, sent, duration, status, error, request, answer, history)
where d.account_id = $1 and d.id = g.id
"""
LET_GO = """
update http_lines set worker = null, troubles = $3, resume_datetime = $4, width = $5, failures = $6, used_date = $7
where account_id = $1 and integration_id = $2
"""
# In one order, so that two lines with answers on the same customers wait for one another.
LOCK_CUSTOMERS = """
select id from customers where account_id = $1 and id in (
  select coalesce(merged_into_id, id) from customers where account_id = $1 and id = any($2::bigint[]))
order by id for update
"""
KEEP = """
update customers c set integrations = c.integrations || jsonb_build_object($2::text, g.data)
from (select coalesce(o.merged_into_id, o.id) as id, a.data::jsonb as data
  from unnest($3::bigint[], $4::text[]) as a (id, data)
  join customers o on o.account_id = $1 and o.id = a.id) g
where c.account_id = $1 and c.id = g.id and c.deleted_datetime is null
  and c.integrations->$2::text is distinct from g.data
"""
SUBJECT = "Integration switched off: {name}"
TEXT = """the HTTP integration "{name}" of the helpdesk {domain} was switched off, because 100 deliveries in a row failed.

The last attempt: {said}

When the receiver works again, switch the integration on; what failed can be sent again from its log:
{url}/settings/integrations/{id}
"""


class Waiting(msgspec.Struct, frozen=True):
    """A delivery that was taken from its line."""

    id: int
    uuid: uuid.UUID
    trigger: str
    ticket_id: int | None
    customer_id: int | None
    message_id: int | None
    user_id: int | None
    document_id: int
    created_datetime: datetime.datetime
    attempts: int
    tries: int
    history: str


class Line(msgspec.Struct):
    """How the receiver fares; see the table `http_lines`."""

    troubles: int
    width: int
    failures: int
    used_date: datetime.date | None
    resume: datetime.datetime | None = None


class Done(msgspec.Struct, frozen=True):
    """One attempt: what was sent (None when it could not even be made), what came of it, and what follows."""

    delivery: Waiting
    request: Request | None
    outcome: Outcome
    sent: datetime.datetime
    state: str
    due: datetime.datetime | None


def judge(delivery: Waiting, request: Request | None, outcome: Outcome, sent: datetime.datetime) -> Done:
    """Whether the delivery is done, has failed, or waits for another attempt."""
    now = clock.now()
    if outcome.well:
        return Done(delivery, request, outcome, sent, "delivered", None)
    tries = delivery.tries
    may_wait = outcome.away and now - delivery.created_datetime < PATIENCE
    if outcome.again and (tries < len(RETRIES) or may_wait):
        wait = RETRIES[tries] if tries < len(RETRIES) else AWAY
        wait = max(wait, min(outcome.retry_after, LONGEST_WAIT)) * random.uniform(0.8, 1.2)  # noqa: S311
        return Done(delivery, request, outcome, sent, "waiting", now + datetime.timedelta(seconds=wait))
    return Done(delivery, request, outcome, sent, "failed", None)


def learn(line: Line, done: Done) -> None:
    """What the line makes of one attempt."""
    if done.outcome.away:
        line.troubles += 1
        if line.troubles >= TROUBLES:
            # The same steps again, for the line as a whole: a receiver that is down hears from us now and then.
            steps = (*RETRIES, AWAY)
            wait = steps[min(line.troubles - TROUBLES, len(steps) - 1)]
            wait = max(wait, min(done.outcome.retry_after, LONGEST_WAIT))
            line.width, line.resume = 1, clock.now() + datetime.timedelta(seconds=wait)
    elif done.outcome.status is not None:
        line.troubles, line.resume = 0, None
    if done.state == "delivered":
        line.failures = 0
    elif done.state == "failed":
        line.failures += 1


async def mine(work: Work, integration_id: int, worker: int) -> bool:
    """Whether the line is still this worker's; held until the transaction ends."""
    return await work.db.fetchval(MINE, work.account.id, integration_id, worker) is not None


async def settle(work: Work, integration_id: int, line: Line, done: Sequence[Done]) -> None:
    """Write a turn down and let the line go; an integration that only fails is switched off and the admins are told."""
    if done:
        await work.db.execute(WRITE, work.account.id, *map(list, zip(*map(_row, done), strict=True)))
        await _keep_answers(work, integration_id, done)
    delivered = any(one.state == "delivered" for one in done)
    if delivered and line.used_date != work.now.date():
        line.used_date = work.now.date()
        work.record("integration-used", "Integration", integration_id)
    if line.failures >= MOST_FAILURES and await integrations.switch_off(work, integration_id, REASON):
        await _tell(work, integration_id, done[-1])
        line.failures = 0
    await work.db.execute(
        LET_GO,
        work.account.id,
        integration_id,
        line.troubles,
        line.resume,
        line.width,
        line.failures,
        line.used_date,
    )
    for one in done:
        outcome = "put off" if one.state == "waiting" else one.state
        figures.calls.labels(outcome).inc()


def _row(one: Done) -> tuple[Any, ...]:
    found = one.outcome
    attempt = {
        "datetime": one.sent,
        "status": found.status,
        "duration": found.milliseconds,
        "error": found.error,
    }
    history = [*msgspec.json.decode(one.delivery.history), attempt][-MOST_HISTORY:]
    request = None if one.request is None else wire.encode(requests.shown(one.request, MOST_KEPT))
    answer = found.body[: MOST_KEPT * 4].decode("utf-8", "replace")
    if one.request is not None:
        answer = requests.masked(one.request.secrets, answer)
    return (
        one.delivery.id,
        one.state,
        one.due,
        one.delivery.tries + 1,
        one.sent,
        found.milliseconds,
        found.status,
        found.error,
        request and request.replace("\\u0000", ""),
        answer[:MOST_KEPT].replace("\0", "") if found.status is not None else None,
        wire.encode(wire.told(history)),
    )


def data(request: Request, outcome: Outcome) -> str | None:
    """The answer as it is kept with the customer; None when it is no JSON object or array, or longer than one MiB."""
    if outcome.cut or not outcome.body.strip():
        return None
    try:
        found = msgspec.json.decode(requests.masked(request.keys, outcome.body.decode()))
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list):
        found = {"data": found}
    if not isinstance(found, dict):
        return None
    text = wire.encode({**found, "__integration_type__": "http"})
    # PostgreSQL has no place for that character.
    return None if "\\u0000" in text else text


async def _keep_answers(work: Work, integration_id: int, done: Sequence[Done]) -> None:
    kept: dict[int, str] = {}
    for one in sorted(done, key=lambda one: one.delivery.id):
        customer_id = one.delivery.customer_id
        if one.outcome.well and one.request is not None and customer_id is not None:
            text = data(one.request, one.outcome)
            if text is not None:
                kept[customer_id] = text
                if one.delivery.ticket_id is not None:
                    work.ring("ticket", work.account.id, one.delivery.ticket_id)
    if kept:
        await work.db.fetch(LOCK_CUSTOMERS, work.account.id, list(kept))
        await work.db.execute(KEEP, work.account.id, str(integration_id), list(kept), list(kept.values()))


async def _tell(work: Work, integration_id: int, last: Done) -> None:
    name = msgspec.json.decode(await integrations.get(work, integration_id))["name"]
    said = last.outcome.error or f"The answer was {last.outcome.status}."
    text = TEXT.format(
        name=name, domain=work.account.domain, said=said, url=work.account.home, id=integration_id
    )
    await notices.tell_admins(work, SUBJECT.format(name=name), text)
