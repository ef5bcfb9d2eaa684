"""The 45 scopes of reporting: what can be measured, grouped and filtered in each. The rows are in the two tables.

`how` of a measure names the aggregate that computes it from the scope's facts; an empty one means that nothing is
recorded yet that it could be computed from: it is then zero or null, which documentation and answers say alike.
"""

import functools
from dataclasses import dataclass

from polus.desk.statistics import automation_scopes, ticket_scopes

T5 = "ticketId agentId channel integrationId storeId"
PERIOD = ("periodStart", "periodEnd")
# In scopes with free time dimensions each of these stands for the moment that places a fact in the period.
ANY = """closedDatetime createdDatetime sentDatetime updatedDatetime firstAgentMessageDatetime timestamp anchorDatetime
queuedDate periodStart eventDatetime"""
ALL = """agentId filteringAgentId assignedAgentId integrationId ticketId channel surveyScore resolutionTime
firstResponseTime messagesCount handleTime storeId tagId eventType customFieldValue customFieldTop2LevelsValue queueId
customerId createdDatetime status duration source destination callDirection talkTime waitTime voicemailAvailable
voicemailUrl callRecordingAvailable callRecordingUrl displayStatus queueName transferTargetAgentId
transferTargetExternalNumber transferType transferTargetQueueId resourceType resourceSourceId resourceSourceSetId
resourceVersion isPossibleSpam callSlaStatus callSlaStatusLabel statusName campaignId abVariant articleId articleTitle
articleSlug localeCodes searchQuery helpCenterEventType searchResultRange currency influencedProductId productId
storeIntegrationId engagementType orderId totalAmount purchaseTime automationFeatureType aiAgentRole orderManagementType
customField discountAmount discountCodeOffered discountCodeUsed attributedRevenue productRecommended productVariantIds
boughtProducts aiIntentCustomField aiOutcomeCustomField flowId macroId macroName ticketQAScorerUserId"""
SHORT = {"T5": T5, "ALL": ALL, "ANY": ANY}

# What every scope about tickets can be narrowed by, and of what class it is.
STANDARD = {
    **dict.fromkeys("agentId teamId agentIdFromTeamId channel integrationId storeId".split(), "one"),
    **dict.fromkeys(
        """score communicationSkills languageProficiency resolutionCompleteness accuracy efficiency internalCompliance
        brandVoice""".split(),
        "score",
    ),
}
OPERATORS: dict[str, tuple[str, ...]] = {
    "one": ("one-of", "not-one-of", "set"),
    "score": ("one-of", "not-one-of", "set"),
    "number": ("one-of", "not-one-of", "set"),
    "date": ("afterDate", "beforeDate", "inDateRange"),
    "text": ("one-of", "not-one-of", "contains", "set"),
    "flag": ("one-of",),
}
PERIOD_OPERATORS = {"periodStart": ("afterDate", "inDateRange"), "periodEnd": ("beforeDate",)}


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure. `kind`: count, sum, rate, average or median."""

    name: str
    kind: str
    how: str

    @property
    def empty(self) -> int | None:
        """The figure over nothing."""
        return 0 if self.kind in ("count", "sum") else None


@dataclass(frozen=True, slots=True)
class Scope:
    """A subject of reporting. `members`: the class of each thing it can be filtered by; `facts`: see `facts`."""

    name: str
    measures: dict[str, Measure]
    dimensions: tuple[str, ...]
    members: dict[str, str]
    custom_fields: bool
    tags: bool
    times: tuple[str, ...]
    facts: str


def _scope(row: tuple[str, ...]) -> Scope:
    name, measures, dimensions, members, forms, times, facts = row
    made = [Measure(*measure.split(":")) for measure in measures.split()]
    own = {name: kind for kind, _, name in (member.partition(":") for member in members.split())}
    return Scope(
        name,
        {measure.name: measure for measure in made},
        _words(dimensions),
        {**(STANDARD if "STD" in forms else {}), **own},
        "customFields" in forms,
        "tags" in forms,
        _words(times),
        facts,
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for part in text.split() for word in SHORT.get(part, part).split())


@functools.cache
def table() -> dict[str, Scope]:
    """All scopes by name, in the reference's order."""
    rows = (*ticket_scopes.ROWS, *automation_scopes.ROWS)
    return {row[0]: _scope(row) for row in rows}
