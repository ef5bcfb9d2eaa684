"""Filters of a query as conditions on its facts (`f`): columns from a fixed table, values as parameters, never as SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NUMBERS = frozenset(
    """agentId teamId agentIdFromTeamId integrationId storeId storeIntegrationId score communicationSkills
    languageProficiency resolutionCompleteness accuracy efficiency internalCompliance brandVoice customFieldId queueId
    talkTime waitTime ticketQAScorerUserId""".split()
)
_SURVEY = "(select s.score from satisfaction_surveys s where s.account_id = $1 and s.ticket_id = f.ticket_id)"
# Of the ticket's newest review.
_REVIEW = """(select (a.data->>'{name}')::bigint from app_facts a where a.account_id = $1 and a.ticket_id = f.ticket_id
  and a.kind = 'qa-review' order by a.moment desc, a.id desc limit 1)"""
COLUMNS: dict[str, str] = {
    "agentId": "f.agent_id",
    "teamId": "f.team_id",
    "channel": "f.channel",
    "integrationId": "f.integration_id",
    "createdDatetime": "f.created",
    "score": _SURVEY,
    "customFieldId": "f.field_id",
    "customFieldValueString": "f.item",
    "integrationChannelPair": "f.integration_id || '::' || f.channel",
    "tagId": "f.item",
    "productId": "(select v.value from fact_values v join custom_fields p on p.account_id = $1 and p.id = v.field_id"
    " and p.managed_type = 'product' where v.account_id = $1 and v.ticket_id = f.ticket_id limit 1)",
    "storeId": "f.store_id",
    "storeIntegrationId": "f.store_id",
    **{
        name: _REVIEW.replace("{name}", column)
        for name, column in {
            "communicationSkills": "communication_skills",
            "languageProficiency": "language_proficiency",
            "accuracy": "accuracy",
            "efficiency": "efficiency",
            "internalCompliance": "internal_compliance",
            "brandVoice": "brand_voice",
        }.items()
    },
    "resolutionCompleteness": _REVIEW.replace(
        "(a.data->>'{name}')::bigint",
        "case a.data->>'resolution_completeness' when 'true' then 1 when 'false' then 0 end",
    ),
    "ticketQAScorerUserId": "(f.more->>'ticketQAScorerUserId')::bigint",
    "talkTime": "(f.more->>'talkTime')::bigint",
    "waitTime": "(f.more->>'waitTime')::bigint",
    "queueId": "(f.more->>'queueId')::bigint",
}
_TEAM = "exists (select 1 from team_members w where w.account_id = $1 and w.user_id = f.agent_id and w.team_id = any($?::bigint[]))"
_CONTAINS = "exists (select 1 from unnest($?::text[]) as p where position(fold(p) in fold({column})) > 0)"
_ON_TICKET = " from ticket_tags g where g.account_id = $1 and g.ticket_id = f.ticket_id and g.tag_id = any($?::bigint[])"
_TAGS = {
    "one-of": "exists (select 1" + _ON_TICKET + ")",
    "not-one-of": "not exists (select 1" + _ON_TICKET + ")",
    "all-of": "(select count(distinct g.tag_id)" + _ON_TICKET + ") = {count}",
}
# A value is found by its upper levels too.
_VALUE = """exists (select 1 from fact_values v, unnest($?::text[]) as p where v.account_id = $1
  and v.ticket_id = f.ticket_id and v.field_id = $?::bigint and (v.value = p or starts_with(v.value, p || '::')))"""
# An interaction has several, a use of knowledge one.
_RESOURCES = {"resourceSourceId": "source_id", "resourceSourceSetId": "source_set_id"}
_RESOURCE = """exists (select 1 from (select f.more->>'{member}' union all select r->>'{key}'
  from jsonb_array_elements(f.more->'resources') r) as s (told) where s.told {holds})"""
_CAMPAIGN = """exists (select 1 from messages c where c.account_id = $1 and c.ticket_id = f.ticket_id and (
  c.meta->>'campaigns_id' = any($?::text[]) or c.meta->'campaigns' ?| $?::text[]
  or c.meta->>'campaigns' = any($?::text[])))"""


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition as asked. `field_id`: of a custom field, for the member customFields."""

    member: str
    operator: str
    values: tuple[Any, ...]
    field_id: int | None = None


class Conditions:
    """The parameters of a statement, and the conditions that use them; the first ones are given."""

    def __init__(self, parameters: Sequence[Any]) -> None:
        self.parameters = list(parameters)
        self.texts: list[str] = []

    def add(self, asked: Filter) -> None:
        """Narrow the facts by a filter."""
        if asked.member == "tags":
            unique = list(dict.fromkeys(asked.values))
            self.put(_TAGS[asked.operator].replace("{count}", str(len(unique))), unique)
        elif asked.member == "customFields":
            negation = "not " if asked.operator == "not-one-of" else ""
            self.put(negation + _VALUE, list(asked.values), asked.field_id)
        elif asked.member == "campaigns":
            self.put(_CAMPAIGN, *[list(asked.values)] * 3)
        elif asked.member == "agentIdFromTeamId" and asked.operator != "set":
            negation = "not " if asked.operator == "not-one-of" else ""
            self.put(negation + _TEAM, list(asked.values))
        elif asked.member in _RESOURCES:
            self._resource(asked)
        else:
            self._simple(asked)

    def _resource(self, asked: Filter) -> None:
        text = _RESOURCE.replace("{member}", asked.member).replace("{key}", _RESOURCES[asked.member])
        if asked.operator == "set":
            negation = "not " if asked.values == ("false",) else ""
            self.texts.append(negation + text.replace("{holds}", "is not null"))
        else:
            negation = "not " if asked.operator == "not-one-of" else ""
            self.put(negation + text.replace("{holds}", "= any($?::text[])"), list(asked.values))

    def _simple(self, asked: Filter) -> None:
        column = COLUMNS.get(asked.member) or "(f.more->>'" + asked.member + "')"
        if asked.member == "agentIdFromTeamId":
            column = COLUMNS["agentId"]
        kind = "bigint[]" if asked.member in NUMBERS else "text[]"
        match asked.operator:
            case "one-of":
                self.put(column + " = any($?::" + kind + ")", list(asked.values))
            case "not-one-of":
                self.put("(" + column + " = any($?::" + kind + ")) is not true", list(asked.values))
            case "set":
                self.texts.append(column + (" is null" if asked.values == ("false",) else " is not null"))
            case "contains":
                self.put(_CONTAINS.replace("{column}", column), list(asked.values))
            case "afterDate":
                self.put(column + " >= $?", asked.values[0])
            case "beforeDate":
                self.put(column + " < $?", asked.values[0])
            case "inDateRange":
                self.put(column + " >= $? and " + column + " < $?", *asked.values[:2])

    def put(self, text: str, *values: Any) -> None:
        """Narrow the facts by a condition; each `$?` in it stands for a value."""
        for value in values:
            self.parameters.append(value)
            text = text.replace("$?", "$" + str(len(self.parameters)), 1)
        self.texts.append(text)
