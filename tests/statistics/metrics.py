"""The page that tells what each metric means, with an example that is computed in the shop of `shop`."""

from typing import Any

from polus.desk.statistics import cards, reports, scopes, sources
from polus.desk.statistics.queries import read
from polus.store.work import SYSTEM, reading
from tests.statistics import present_metrics, shop

HEAD = """# Metrics

What each metric card says (`GET /api/metric-cards`), and an example. This page is made by
`tests/statistics/test_metrics.py`, which computes the examples anew: `POLUS_WRITE_DOCS=1` writes them down.

The examples are about one week, Monday 2 March 2026 to Sunday 8 March in Berlin (an hour ahead of UTC), in a shop with
two agents, Leo and Bea, and a bot. This is all that happened in it: number, channel, shop, team, events. Times are UTC,
as day-hour:minute; days of 20 and more are in February. `c` the customer writes; `l`, `b`, `x` Leo, Bea, the bot answers;
`m` Leo with the macro Sorry; `n` a note; `r` a message of a rule; `i` an imported answer of Leo's; `=l` assigned to Leo; `C:l` closed by Leo, `C` by
nobody; `Z:l` snoozed; `O` reopened; `#late` tagged; `?Late` a value of the field Reason.

    {tickets}

Surveys: ticket, sent, scored, score, comment.

    {surveys}

In front of an agent (ticket, agent, from, to), and at work (agent, from, to).

    {handlings}

    {presences}

Service levels: ticket, when they were attached, target, what became of it.

    {targets}

Calls: direction, begin, how it ended, seconds, who answered, ticket | what happened after how many seconds, to whom.

    {calls}

Leo's page gave its last sign of life at 2-11:55; what is told of the present moment is told for 2-11:58, a Monday at 12:58
in Berlin, and of open tickets as all of this has left them. A caller waits since 9-10:00.
"""
TABLES = {
    "tickets": shop.TICKETS, "surveys": shop.SURVEYS, "handlings": shop.HANDLINGS, "presences": shop.PRESENCES,
    "targets": shop.TARGETS, "calls": shop.CALLS,
}  # fmt: skip
PERIOD = {"member": "periodStart", "operator": "inDateRange", "values": ["2026-03-02", "2026-03-09"]}
PEOPLE = {"l": "Leo", "b": "Bea", "x": "bot"}


async def page(built: shop.Builder) -> str:
    """The whole page."""
    text = HEAD
    for name, table in TABLES.items():
        text = text.replace(
            "{" + name + "}", "\n    ".join(line.strip() for line in table.strip().splitlines())
        )
    category = ""
    for card in sorted(cards.table().values(), key=lambda card: list(cards.REPORTS).index(card["category"])):
        if card["category"] != category:
            category = card["category"]
            text += f"\n## {category}\n"
        text += await section(built, card)
    return text


async def section(built: shop.Builder, card: dict[str, Any]) -> str:
    public = card["public"]
    lines = [f"\n### {card['title']}: `{card['slug']}`\n", public["definition"] + f" *{public['formula']}*\n"]
    lines.append("\n".join("* " + logic for logic in public["computation_logic"]) + "\n")
    api = card.get("api")
    if api is None:
        lines.append(await present_metrics.told(built, card["slug"]) + "\n")
    elif not scopes.table()[api["scope"]].facts:
        lines.append(f"Asked of `{api['scope']}`, which nothing records facts for yet.\n")
    else:
        lines.append(f"Example, {said(api)}: {await example(built, api)}.\n")
    return "\n".join(lines)


def said(api: dict[str, Any]) -> str:
    """How the API is asked."""
    by = " by " + ", ".join(f"`{name}`" for name in api["dimensions"]) if "dimensions" in api else ""
    with_ = "".join(
        f", `{one['member']}` {' '.join(map(str, one['values'])) or 'in the period'}"
        for one in api.get("filters", ())
    )
    return f"`{api['scope']}` · " + ", ".join(f"`{name}`" for name in api["measures"]) + by + with_


async def example(built: shop.Builder, api: dict[str, Any]) -> str:
    """The figure, and the tickets behind it with their values."""
    filters = [PERIOD]
    for one in api.get("filters", ()):
        created = one["member"] == "createdDatetime"
        operator, values = ("inDateRange", PERIOD["values"]) if created else ("one-of", one["values"])
        filters.append({"member": one["member"], "operator": operator, "values": values})
    if api["scope"] == "ticket-fields":
        filters.append({"member": "customFieldId", "operator": "one-of", "values": [built.field]})
    query = read({**api, "timezone": "Europe/Berlin", "filters": filters})
    async with reading(built.world.database, built.world.account, SYSTEM) as work:
        rows = await reports.rows(work, query)
        behind = await sources.behind(work, query, 100)
    if query.dimensions:
        return "; ".join(line(built, query, row) for row in rows)
    figures = ", ".join(str(row[measure]) for row in rows for measure in api["measures"])
    numbers = {ticket: number for number, ticket in built.tickets.items()}
    told = ", ".join(
        numbers[ticket] + ("" if value is None else f" ({value})") for ticket, value in behind.tickets
    )
    beside = f"; {behind.beside} without a ticket" if behind.beside else ""
    return f"{figures}, of ticket {told}{beside}" if told else figures


def line(built: shop.Builder, query: reports.Query, row: dict[str, Any]) -> str:
    """One group and its figures."""
    people = {number: PEOPLE.get(name, name) for name, number in built.people.items() if name in PEOPLE}
    tickets, tags = (
        {number: name for name, number in table.items()} for table in (built.tickets, built.tags)
    )
    named: dict[str, dict[int, str]] = {"agentId": people, "tagId": tags, "ticketId": tickets}
    group = ", ".join(
        ("nobody" if name == "agentId" else "none")
        if row[name] is None
        else str(named.get(name, {}).get(row[name], row[name]))
        for name in query.dimensions
    )
    return group + " " + ", ".join(str(row[measure.name]) for measure in query.measures)
