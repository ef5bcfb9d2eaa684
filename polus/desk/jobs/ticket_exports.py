"""Exports of tickets: the table of all that lists show, and the tickets behind a figure of the statistics."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import clock, errors
from polus.desk.jobs import kinds, selecting, tables
from polus.desk.jobs.kinds import Failures, Job, Kind
from polus.desk.tickets.bulk import GONE, MERGED
from polus.store.work import Work

COLUMNS = (
    "id", "external_id", "subject", "status", "priority", "channel", "via", "language", "spam", "tags", "customer_id",
    "customer_name", "customer_email", "assignee_user_email", "assignee_team", "messages_count", "created_datetime",
    "opened_datetime", "last_message_datetime", "last_received_message_datetime", "closed_datetime",
    "snooze_datetime", "trashed_datetime", "updated_datetime", "survey_score", "survey_comment",
)  # fmt: skip
ROWS = """
select t.id, t.external_id, t.subject, t.status, (array['low', 'normal', 'high', 'critical'])[t.priority] as priority,
  t.channel, t.via, t.language, t.spam,
  (select string_agg(g.name, ', ' order by g.name) from ticket_tags l
    join tags g on g.account_id = l.account_id and g.id = l.tag_id
    where l.account_id = t.account_id and l.ticket_id = t.id) as tags,
  t.customer_id, c.name as customer_name, c.email as customer_email, u.email as assignee_user_email,
  g.name as assignee_team, t.messages_count, wire(t.created_datetime) as created_datetime,
  wire(t.opened_datetime) as opened_datetime, wire(t.last_message_datetime) as last_message_datetime,
  wire(t.last_received_message_datetime) as last_received_message_datetime,
  wire(t.closed_datetime) as closed_datetime, wire(t.snooze_datetime) as snooze_datetime,
  wire(t.trashed_datetime) as trashed_datetime, wire(t.updated_datetime) as updated_datetime,
  s.score as survey_score, s.body_text as survey_comment, t.custom_fields, t.merged_into_id
from tickets t
left join customers c on c.account_id = t.account_id and c.id = t.customer_id and c.deleted_datetime is null
left join users u on u.account_id = t.account_id and u.id = t.assignee_user_id
left join teams g on g.account_id = t.account_id and g.id = t.assignee_team_id
left join satisfaction_surveys s on s.account_id = t.account_id and s.ticket_id = t.id
where t.account_id = $1 and t.id = any($2::bigint[])
"""
FIELDS = """
select id, label from custom_fields
where account_id = $1 and object_type = 'Ticket' and deactivated_datetime is null order by priority desc, id
"""


async def begin(work: Work, job: Job) -> tuple[list[int], Any]:
    """The tickets, and which fields have columns for all of the run."""
    ids = await selecting.tickets(work, job.params)
    fields = [(row["id"], row["label"]) for row in await work.db.fetch(FIELDS, work.account.id)]
    await kinds.head(work, job, [*COLUMNS, *("field: " + label for _, label in fields)])
    return ids, {"fields": [field_id for field_id, _ in fields]}


async def step(work: Work, job: Job, ids: Sequence[int]) -> Failures:
    """Some rows of the table."""
    found = {row["id"]: row for row in await work.db.fetch(ROWS, work.account.id, list(ids))}
    failed = {ticket_id: GONE for ticket_id in ids if ticket_id not in found}
    failed |= {key: MERGED for key, row in found.items() if row["merged_into_id"] is not None}
    rows = [_row(found[key], job.plan["fields"]) for key in ids if key not in failed]
    await kinds.keep(work, job, {job.position: tables.lines(rows)})
    return failed


def _row(row: Any, fields: Sequence[int]) -> list[Any]:
    values = msgspec.json.decode(row["custom_fields"])
    return [row[name] for name in COLUMNS] + [values.get(str(key), {}).get("value") for key in fields]


EXPORT = Kind(begin, step, kinds.result)

# The tickets behind a figure. `metric`: what the figure counts or measures of one ticket, seconds for times.
METRICS: Mapping[str, str] = {
    "messagesCount": "t.messages_count",
    "surveyScore": "(select s.score from satisfaction_surveys s where s.account_id = t.account_id and s.ticket_id = t.id)",
    "resolutionTime": "extract(epoch from t.closed_datetime - t.created_datetime)::bigint",
    "firstResponseTime": """(select extract(epoch from min(m.created_datetime) - t.created_datetime)::bigint
      from messages m where m.account_id = t.account_id and m.ticket_id = t.id and m.from_agent and m.public)""",
}
DRILLDOWN_COLUMNS = (
    "ticket_id", "subject", "status", "channel", "assignee", "created_datetime", "closed_datetime", "metric_value",
)  # fmt: skip
DRILLDOWN_ROWS = """
select t.id, t.subject, t.status, t.channel, u.name as assignee, wire(t.created_datetime) as created_datetime,
  wire(t.closed_datetime) as closed_datetime, {metric} as metric_value
from tickets t left join users u on u.account_id = t.account_id and u.id = t.assignee_user_id
where t.account_id = $1 and t.id = any($2::bigint[]) order by t.id
"""
BY_METRIC = {name: DRILLDOWN_ROWS.replace("{metric}", sql) for name, sql in METRICS.items()}
BEHIND = """
select t.id from tickets t where t.account_id = $1 and t.merged_into_id is null
  and ($2::timestamptz is null or t.created_datetime >= $2) and ($3::timestamptz is null or t.created_datetime < $3)
  and ($4::text[] is null or t.channel = any($4)) and ($5::bigint[] is null or t.assignee_user_id = any($5))
  and ($6::bigint[] is null or t.assignee_team_id = any($6))
  and ($7::bigint[] is null or exists (select from ticket_tags l
    where l.account_id = t.account_id and l.ticket_id = t.id and l.tag_id = any($7)))
order by t.id limit $8
"""
PERIOD = {"periodStart": "start_datetime", "periodEnd": "end_datetime"}
IDS = ("agentId", "teamId", "tags")


def context_problems(context: Mapping[str, Any]) -> dict[str, Any]:
    """What a drill-down cannot be made of, under `context`; empty when nothing is wrong."""
    problems: dict[str, Any] = {}
    if context.get("metric") is not None and context["metric"] not in METRICS:
        problems["metric"] = [errors.NOT_CHOICE]
    try:
        _filters(context)
    except (ValueError, TypeError, KeyError, AttributeError):
        problems["filters"] = ["Filters by " + ", ".join((*PERIOD, "channel", *IDS)) + " only."]
    return {"context": problems} if problems else {}


def _filters(context: Mapping[str, Any]) -> dict[str, Any]:
    """The reporting filters by member: texts, ids or moments."""
    found: dict[str, Any] = {}
    for one in context.get("filters") or ():
        member, values = one["member"], one["values"]
        if member in PERIOD:
            found[PERIOD[member]] = clock.parse(values[0])
        elif member in ("channel", *IDS) and one.get("operator", "one-of") == "one-of":
            if member == "tags" and values and isinstance(values[0], Mapping):
                values = values[0]["values"] if values[0]["operator"] == "one-of" else None
            found[member] = [str(value) if member == "channel" else int(value) for value in values] or None
        else:
            raise ValueError(member)
    return found


async def begin_drilldown(work: Work, job: Job) -> tuple[list[int], Any]:
    """The tickets behind a figure."""
    asked = {name: selecting.moment(job.params.get(name)) for name in PERIOD.values()}
    asked |= _filters(job.params["context"])
    names = ("start_datetime", "end_datetime", "channel", *IDS)
    limit = selecting.MOST + 1
    rows = await work.db.fetch(BEHIND, work.account.id, *(asked.get(name) for name in names), limit)
    if len(rows) == limit:
        raise errors.Invalid({}, selecting.TOO_MANY)
    await kinds.head(work, job, DRILLDOWN_COLUMNS)
    return [row["id"] for row in rows], None


async def step_drilldown(work: Work, job: Job, ids: Sequence[int]) -> Failures:
    """Some rows of it; tickets that are gone by now are left out."""
    sql = BY_METRIC[job.params["context"].get("metric") or "messagesCount"]
    rows = await work.db.fetch(sql, work.account.id, list(ids))
    await kinds.keep(work, job, {job.position: tables.lines([tuple(row) for row in rows])})
    return {}


SALES_COLUMNS = (
    "campaign_id", "order_id", "order_name", "amount", "currency", "customer_email", "created_datetime",
)  # fmt: skip


async def begin_sales(work: Work, job: Job) -> tuple[list[int], Any]:
    """The orders that campaigns brought. Polus runs no campaigns, so there are none: the table has its header only."""
    await kinds.head(work, job, SALES_COLUMNS)
    return [], None


async def no_step(_work: Work, _job: Job, _ids: Sequence[int]) -> Failures:
    """There is nothing to work through."""
    return {}


SALES = Kind(begin_sales, no_step, kinds.result)
