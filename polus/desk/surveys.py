"""Satisfaction surveys: one per ticket, a score from 1 to 5 and a comment. Sending them is left to who plans them."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec

from polus.base import errors, wire
from polus.desk import changes
from polus.store.work import Work

FORM = """
'id', s.id, 'customer_id', s.customer_id, 'ticket_id', s.ticket_id, 'score', s.score, 'body_text', s.body_text,
'meta', s.meta, 'created_datetime', wire(s.created_datetime), 'scored_datetime', wire(s.scored_datetime),
'sent_datetime', wire(s.sent_datetime), 'should_send_datetime', wire(s.should_send_datetime)
"""
# wire: inside a ticket a survey has no `uri`
IN_TICKET = "json_build_object(" + FORM + ")"
WIRE = "json_build_object(" + FORM + ", 'uri', '/api/satisfaction-surveys/' || s.id || '/')::text"

LIST = "select {sort}, s.id, " + WIRE + " from satisfaction_surveys s"
GET = "select " + WIRE + " from satisfaction_surveys s where s.account_id = $1 and s.id = $2"
# Held, so that the ticket cannot change hands between the look and the write.
CUSTOMER_OF = """
select customer_id from tickets where account_id = $1 and id = $2 and merged_into_id is null for share
"""
INSERT = (
    """
insert into satisfaction_surveys as s (account_id, ticket_id, customer_id, score, body_text, meta, created_datetime,
  should_send_datetime, sent_datetime, scored_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning s.id, """
    + WIRE
)
LOCK = """
select ticket_id, customer_id, score, body_text, meta, created_datetime, should_send_datetime, sent_datetime,
  scored_datetime
from satisfaction_surveys where account_id = $1 and id = $2 for update
"""
UPDATE = (
    """
update satisfaction_surveys as s set score = $3, body_text = $4, meta = $5, created_datetime = $6,
  should_send_datetime = $7, sent_datetime = $8, scored_datetime = $9
where s.account_id = $1 and s.id = $2 returning """
    + WIRE
)
FIELDS = (
    "score",
    "body_text",
    "meta",
    "created_datetime",
    "should_send_datetime",
    "sent_datetime",
    "scored_datetime",
)


async def get(work: Work, survey_id: int) -> str:
    """The survey's wire form; 404."""
    answer = await work.db.fetchval(GET, work.account.id, survey_id)
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


async def require(work: Work, survey_id: int) -> None:
    """404 unless the survey is there."""
    await get(work, survey_id)


def _values(new: Mapping[str, Any]) -> list[Any]:
    return [wire.jsonb(new[name]) if name == "meta" else new[name] for name in FIELDS]


async def create(work: Work, given: Mapping[str, Any]) -> str:
    """A new survey's wire form. 400 for an unknown ticket or another one's customer, 409 when the ticket has one."""
    owner = await work.db.fetchval(CUSTOMER_OF, work.account.id, given["ticket_id"])
    if owner is None:
        raise errors.one("ticket_id", errors.MISSING_OBJECT)
    if owner != given["customer_id"]:
        raise errors.one("customer_id", "The ticket is another customer's.")
    new = {**dict.fromkeys(FIELDS), **given}
    new["created_datetime"] = new["created_datetime"] or work.now
    if new["score"] is not None:
        new["scored_datetime"] = new["scored_datetime"] or work.now
    try:
        row = await work.db.fetchrow(
            INSERT, work.account.id, given["ticket_id"], given["customer_id"], *_values(new)
        )
    except asyncpg.UniqueViolationError:
        raise errors.Conflict({"ticket_id": [errors.IN_USE]}) from None
    _tell(work, row[0], {"score": None, "sent_datetime": None}, new, given["ticket_id"])
    return row[1]  # type: ignore[no-any-return]


async def update(work: Work, survey_id: int, given: Mapping[str, Any]) -> str:
    """Change a survey; its ticket and customer stay. 404, 400."""
    row = await work.db.fetchrow(LOCK, work.account.id, survey_id)
    if row is None:
        raise errors.NotFound
    old = {**row, "meta": None if row["meta"] is None else msgspec.json.decode(row["meta"])}
    fixed = {
        name: ["May not be changed."]
        for name in ("ticket_id", "customer_id")
        if given.get(name, old[name]) != old[name]
    }
    if fixed:
        raise errors.Invalid(fixed)
    new = {**old, **given}
    new["created_datetime"] = new["created_datetime"] or old["created_datetime"]
    if new["score"] is not None and old["score"] is None and new["scored_datetime"] is None:
        new["scored_datetime"] = work.now
    if not changes.between(old, new):
        return await get(work, survey_id)
    answer = await work.db.fetchval(UPDATE, work.account.id, survey_id, *_values(new))
    _tell(work, survey_id, old, new, old["ticket_id"])
    return answer  # type: ignore[no-any-return]


def _tell(work: Work, survey_id: int, old: Mapping[str, Any], new: Mapping[str, Any], ticket_id: int) -> None:
    """Events satisfaction-survey-sent and, for the first score, satisfaction-survey-responded."""
    data = {"ticket_id": ticket_id, "score": new["score"]}
    if old["sent_datetime"] is None and new["sent_datetime"] is not None:
        work.record("satisfaction-survey-sent", "SatisfactionSurvey", survey_id, data, ticket_id=ticket_id)
    if old["score"] is None and new["score"] is not None:
        work.record(
            "satisfaction-survey-responded", "SatisfactionSurvey", survey_id, data, ticket_id=ticket_id
        )
