"""What apps tell of what they did, kept for the scopes of automation, sales, knowledge and quality; see `recorded`."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors
from polus.store.work import Work

Fact = Mapping[str, Any]

COMMON = frozenset(
    """kind external_id datetime ticket_id customer_id channel store_integration_id ai_agent_role engagement_type
    meta""".split()
)
# kind -> what it must tell, and what it may tell beside the common things.
KINDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    kind: (frozenset(needed.split()), frozenset(more.split()))
    for kind, (needed, more) in {
        "interaction": ("outcome feature", "order_management_type flow_id intent ai_outcome resources"),
        "recommendation": (
            "interaction_id product_id",
            "product_variant_ids times attributed_revenue currency",
        ),
        "discount": ("code_offered", "code_used amount currency"),
        "order": (
            "order_id total_amount currency",
            "total_amount_usd product_ids interaction_id purchase_time",
        ),
        "resource-use": (
            "interaction_id resource_type resource_source_id",
            "resource_source_set_id resource_version",
        ),
        "qa-review": (
            "ticket_id",
            "scorer_user_id resolution_completeness communication_skills language_proficiency accuracy efficiency"
            " internal_compliance brand_voice",
        ),
    }.items()
}
# What stands in columns of its own.
COLUMNS = frozenset("kind external_id datetime ticket_id customer_id channel store_integration_id".split())
AHEAD = 300  # seconds that clocks may differ
TOO_LATE = "Must not be in the future."
TWICE = "May not be given twice."

KNOWN = """
select 'ticket_id' as member, id from tickets where account_id = $1 and id = any($2::bigint[])
union all select 'customer_id', id from customers where account_id = $1 and id = any($3::bigint[])
  and deleted_datetime is null
union all select 'store_integration_id', id from integrations where account_id = $1 and id = any($4::bigint[])
union all select 'scorer_user_id', id from users where account_id = $1 and id = any($5::bigint[])
"""
REFERENCES = ("ticket_id", "customer_id", "store_integration_id", "scorer_user_id")
# The customer, unless told, is the ticket's.
RECORD = """
insert into app_facts (account_id, recorder, kind, external_id, moment, ticket_id, customer_id, channel, store_id, data)
select $1, $2, g.kind, g.external_id, g.moment, g.ticket_id, coalesce(g.customer_id, t.customer_id), g.channel, g.store_id,
  g.data
from jsonb_to_recordset($3::jsonb) as g (kind text, external_id text, moment timestamptz, ticket_id bigint,
  customer_id bigint, channel text, store_id bigint, data jsonb)
left join tickets t on t.account_id = $1 and t.id = g.ticket_id
order by g.kind, g.external_id
on conflict (account_id, recorder, kind, external_id) do update set moment = excluded.moment,
  ticket_id = excluded.ticket_id, customer_id = excluded.customer_id, channel = excluded.channel,
  store_id = excluded.store_id, data = excluded.data
returning kind, external_id, xmax = 0 as is_new
"""
REMOVE = """
delete from app_facts where account_id = $1 and recorder = $2 and kind = $3 and external_id = any($4::text[])
"""


async def record(work: Work, facts: Sequence[Fact]) -> list[dict[str, str]]:
    """Keep facts, or replace those told before by the same app or user; 400 with all that is wrong, then nothing is kept."""
    problems = {str(place): wrong for place, fact in enumerate(facts) if (wrong := _wrong(work, fact))}
    problems |= _twice(facts) if not problems else {}
    if not problems:
        problems = await _unknown(work, facts)
    if problems:
        raise errors.Invalid({"facts": problems})
    rows = [_row(work, fact) for fact in facts]
    written = await work.db.fetch(
        RECORD, work.account.id, _recorder(work), msgspec.json.encode(rows).decode()
    )
    new = {(row["kind"], row["external_id"]): row["is_new"] for row in written}
    return [
        {
            "kind": fact["kind"],
            "external_id": fact["external_id"],
            "status": "created" if new[fact["kind"], fact["external_id"]] else "updated",
        }
        for fact in facts
    ]


async def remove(work: Work, kind: str, external_ids: Sequence[str]) -> None:
    """Forget facts that the same app or user told; others are passed over."""
    await work.db.execute(REMOVE, work.account.id, _recorder(work), kind, list(external_ids))


def _recorder(work: Work) -> str:
    actor = work.actor
    return f"app:{actor.client_id}" if actor.client_id else f"user:{actor.user_id}"


def _wrong(work: Work, fact: Fact) -> dict[str, Any]:
    needed, more = KINDS[fact["kind"]]
    wrong = {name: [errors.REQUIRED] for name in sorted(needed) if fact.get(name) is None}
    told = (name for name, value in fact.items() if value is not None)
    wrong |= {name: [errors.UNKNOWN] for name in sorted(told) if name not in COMMON | needed | more}
    moment = fact.get("datetime")
    if moment is not None and (moment - work.now).total_seconds() > AHEAD:
        wrong["datetime"] = [TOO_LATE]
    return wrong


def _twice(facts: Sequence[Fact]) -> dict[str, Any]:
    seen: set[tuple[str, str]] = set()
    wrong = {}
    for place, fact in enumerate(facts):
        key = (fact["kind"], fact["external_id"])
        if key in seen:
            wrong[str(place)] = {"external_id": [TWICE]}
        seen.add(key)
    return wrong


async def _unknown(work: Work, facts: Sequence[Fact]) -> dict[str, Any]:
    asked = [[fact[name] for fact in facts if fact.get(name) is not None] for name in REFERENCES]
    if not any(asked):
        return {}
    known = {(row["member"], row["id"]) for row in await work.db.fetch(KNOWN, work.account.id, *asked)}
    wrong = {}
    for place, fact in enumerate(facts):
        missing = [
            name for name in REFERENCES if fact.get(name) is not None and (name, fact[name]) not in known
        ]
        if missing:
            wrong[str(place)] = {name: [errors.MISSING_OBJECT] for name in missing}
    return wrong


def _row(work: Work, fact: Fact) -> dict[str, Any]:
    return {
        "kind": fact["kind"],
        "external_id": fact["external_id"],
        "moment": fact.get("datetime") or work.now,
        "ticket_id": fact.get("ticket_id"),
        "customer_id": fact.get("customer_id"),
        "channel": fact.get("channel"),
        "store_id": fact.get("store_integration_id"),
        "data": {name: value for name, value in fact.items() if name not in COLUMNS and value is not None},
    }
