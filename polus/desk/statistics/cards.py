"""Metric cards: what each figure means and how it is computed; the same for every account, shipped with the source.

The rows are in the three tables; what people say of a card is kept as it is said and changes nothing.
"""

import functools
from collections.abc import Mapping
from typing import Any

from polus.base import errors, wire
from polus.desk.statistics import content_cards, further_cards, scopes, ticket_cards
from polus.lang import folding
from polus.store.work import Work

REVISED = "2026-11-26T00:00:00+00:00"
URL = "/api/metric-cards/"
MOST_RELATED = 5
# deprecated card -> the one that stands for it
DEPRECATED = {"average-survey-score": "average-csat", "achievement-rate": "sla-achievement-rate"}
REPORTS = {
    "volume": "Overview",
    "speed": "Overview",
    "satisfaction": "Satisfaction",
    "sla": "SLA",
    "quality": "Quality",
    "tags-and-fields": "Tags",
    "voice": "Voice",
    "live": "Live",
    "automation": "Automation",
    "ai-sales": "AI sales",
    "help-center": "Help center",
}
ALIASES = {
    "first-response-time": ("FRT", "first reply time"),
    "median-response-time": ("reply time",),
    "resolution-time": ("time to resolution", "TTR"),
    "average-ticket-handle-time": ("AHT",),
    "ticket-handle-time-per-agent": ("AHT per agent",),
    "average-csat": ("CSAT", "customer satisfaction"),
    "average-survey-score": ("CSAT",),
    "satisfaction-score": ("CSAT score",),
    "ai-agent-average-csat": ("AI agent CSAT",),
    "top-performers-csat": ("best CSAT",),
    "sla-achievement-rate": ("SLA",),
    "closed-tickets": ("resolved tickets",),
    "created-tickets": ("new tickets", "ticket volume"),
    "open-tickets": ("backlog",),
    "one-touch-tickets": ("first contact resolution", "FCR"),
    "average-order-value": ("AOV",),
    "total-sales": ("GMV influenced",),
    "decrease-in-frt": ("decrease in FRT",),
    "top-performer-frt": ("best FRT",),
    "overall-automation-rate": ("deflection rate",),
    "average-talk-time": ("call length",),
}

_OPEN = "A snoozed ticket counts as closed until its time has come."
_AGENT = "Internal notes and messages of rules are no answers."
_CLOSE = "The last close places a ticket in the period, if it is still closed at the period's end."
_APPS = "Counted from what apps record of their work, by the time of each fact."
_CALL = "The beginning of a call places it in the period."
# What of a scope's facts one should know: what counts, and which time places it in the period.
LOGIC: dict[str, tuple[str, ...]] = {
    "tickets-closed": (_CLOSE, _OPEN, "It is credited to whoever the ticket was assigned to then."),
    "tickets-created": ("The creation of a ticket places it in the period.",),
    "tickets-open": ("Looked at as it was at the end of the period.", _OPEN),
    "workload-tickets": ("Looked at as it was at the end of the period.", _OPEN),
    "tickets-replied": ("A ticket counts once, however many answers it got.", _AGENT),
    "one-touch-tickets": (_CLOSE, "Exactly one agent message up to the close.", _AGENT),
    "zero-touch-tickets": (_CLOSE, "At least one customer message and no agent message up to the close."),
    "messages-sent": ("The time of sending places a message in the period.", _AGENT),
    "messages-received": ("The time of a message places it in the period.", "Internal notes do not count."),
    "messages-per-ticket": (_CLOSE, "Messages both ways up to the close, without notes and rules."),
    "first-response-time": (
        "The first answer, by a person or automation, places a ticket in the period.",
        "Tickets that an agent began are left out, and so are imported answers.",
        _AGENT,
        "Nights and business hours are not taken out.",
    ),
    "human-first-response-time": (
        "The first answer by a person places a ticket in the period.",
        "Counted from the last hand-over before it, else from the first customer message.",
    ),
    "response-time": (
        "Every answer counts with the oldest customer message that it answers.",
        "The first response is one of them.",
        _AGENT,
    ),
    "resolution-time": (_CLOSE, "Counted from the first customer message; tickets without one are left out."),
    "ticket-handle-time": (
        _CLOSE,
        "Time in which an agent had the ticket in the foreground; an interval ends a minute after the last signal.",
    ),
    "online-time": ("Signed in, with a signal in the last 5 minutes; several devices count once.",),
    "satisfaction-surveys": (
        "A survey that was sent counts by its sending, a rating by the time it was given.",
        "Surveys without a rating have no part in averages.",
    ),
    "ticket-sla": (
        "The moment in which a policy was attached places a ticket in the period.",
        "Tickets of which nothing is decided yet are left out of the rate.",
    ),
    "auto-qa": ("The newest review of each ticket, by the time of the review.",),
    "tags": (
        "The moment in which a tag was put on last places it in the period.",
        "Tags taken off do not count.",
    ),
    "ticket-fields": (
        "The moment in which a value was set last places it in the period.",
        "Values that are gone do not count; one field is asked for.",
    ),
    "voice-calls": (_CALL, "An inbound call that ended ends in exactly one way."),
    "voice-agent-events": ("The time of what happened to the call places it in the period.",),
}
ROUNDING = {
    "count": "A whole number; 0 over nothing.",
    "sum": "A sum; 0 over nothing.",
    "rate": "Percent with two decimals; null over nothing.",
    "average": "Rounded to two decimals; null over nothing.",
    "median": "The middle value, rounded to two decimals; null over nothing.",
}
SECONDS = "Durations are seconds."
LIVE = "Spam, trashed and deleted tickets are left out."
TODAY = "Computed for the interface only, from the present state."
BY_CREATION = "Only tickets that were created in the period."
DAILY = "One figure for each day of the period."
PER_HOUR = "Online hours are seconds online ÷ 3,600; null when there are none."

FEEDBACK = """
json_build_object('id', id, 'slug', slug, 'rating', body->'rating', 'comment', body->'comment',
  'email', body->'email', 'user_id', user_id, 'created_datetime', wire(created_datetime))::text
"""
INSERT = (
    "insert into metric_card_feedback (account_id, slug, user_id, body, created_datetime) values ($1, $2, $3, $4, $5)"
    " returning " + FEEDBACK
)
LIST_FEEDBACK = "select {sort}, id, " + FEEDBACK + " from metric_card_feedback"

Card = dict[str, Any]


@functools.cache
def table() -> dict[str, Card]:
    """All cards by slug, in the order of slugs."""
    cards: dict[str, Card] = {}
    for rows in (ticket_cards.ROWS, content_cards.ROWS, further_cards.ROWS):
        for category, cards_of in rows.items():
            cards |= {row[0]: _card(category, row) for row in cards_of}
    for card in cards.values():
        card["related"] = _related(card, cards)
    return dict(sorted(cards.items()))


def _card(category: str, row: tuple[str, str, str, str, str]) -> Card:
    slug, title, asked, formula, definition = row
    api, logic = _asked(asked, slug)
    return {
        "slug": slug,
        "category": category,
        "title": title,
        "status": "deprecated" if slug in DEPRECATED else "published",
        "definition_revised_at": REVISED,
        "public": {"definition": definition, "formula": formula, "computation_logic": logic},
        **({"api": api} if api else {}),
        "aliases": list(ALIASES.get(slug, ())),
        "related": [],
        "replaces": [_reference(old) for old, new in DEPRECATED.items() if new == slug],
        "used_in_reports": _reports(category, api),
    }


def _asked(text: str, slug: str) -> tuple[Card, list[str]]:
    """How the API is asked for a card, and what is to be known of the figure."""
    if not text:
        return {}, [TODAY, LIVE]
    name, measures, *more = text.split(" ")
    api: Card = {"scope": name, "measures": measures.split(",")}
    logic = list(LOGIC.get(name, (_APPS,)))
    for part in more:
        member, equals, value = part.partition("=")
        if part.startswith("by:"):
            api["dimensions"] = part.removeprefix("by:").split(",")
        elif equals:
            api["filters"] = [{"member": member, "values": [value] if value else []}]
            logic += [] if value else [BY_CREATION]
        else:
            logic.append(DAILY)
    first = scopes.table()[name].measures[api["measures"][0]]
    logic += [PER_HOUR] if slug.endswith("-per-hour") else []
    logic += [SECONDS] if "Time" in first.name and first.kind != "rate" else []
    return api, [*logic, LIVE, ROUNDING[first.kind]]


def _reports(category: str, api: Mapping[str, Any]) -> list[str]:
    if api.get("scope") == "ticket-fields":
        return ["Ticket fields"]
    dimensions = api.get("dimensions", ())
    by_agent, by_channel = "agentId" in dimensions, "channel" in dimensions
    return [REPORTS[category], *(["Agents"] if by_agent else []), *(["Channels"] if by_channel else [])]


def _related(card: Card, cards: Mapping[str, Card]) -> list[Card]:
    scope = card.get("api", {}).get("scope")
    near = [
        other["slug"]
        for other in cards.values()
        if scope
        and other is not card
        and other.get("api", {}).get("scope") == scope
        and other["status"] == "published"
    ]
    return [_reference(slug) for slug in near[:MOST_RELATED]]


def _reference(slug: str) -> Card:
    return {"slug": slug, "url": URL + slug}


def search(category: str | None, status: str | None, words: str, *, deprecated: bool) -> list[Card]:
    """The cards that fit, in the order of slugs; deprecated ones only when asked for."""
    asked = folding.fold(words).split()
    return [
        card
        for card in table().values()
        if (category is None or card["category"] == category.lower())
        and (card["status"] == status if status else deprecated or card["status"] == "published")
        and all(word in _words(card["slug"]) for word in asked)
    ]


@functools.cache
def _words(slug: str) -> str:
    card = table()[slug]
    return folding.fold(" ".join([slug, card["title"], *card["aliases"], card["public"]["definition"]]))


def get(slug: str) -> Card:
    """One card, deprecated ones too; 404."""
    if slug not in table():
        raise errors.NotFound
    return table()[slug]


async def comment(work: Work, slug: str, given: Mapping[str, Any]) -> str:
    """Keep what somebody says of a card; its wire form. 404; 400 when nothing is said."""
    get(slug)
    text = (given.get("comment") or "").strip() or None
    if given.get("rating") is None and text is None:
        raise errors.one("comment", errors.REQUIRED)
    body = {"rating": given.get("rating"), "comment": text, "email": given.get("email")}
    return await work.db.fetchval(  # type: ignore[no-any-return]
        INSERT, work.account.id, slug, work.actor.user_id, wire.encode(body), work.now
    )
