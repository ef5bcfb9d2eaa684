"""Tickets that have several facts in a group and count once: the first one counts, where it can be told from the fact.

An answer knows when the ticket was answered before it, by anybody (`previous`) and by the same sender (`previous_own`);
a tag on a ticket when the one before it was put there (`previous`).
"""

from collections.abc import Sequence

from polus.desk.statistics.conditions import Filter

# Of all facts of a ticket the same.
OF_TICKET = frozenset(("ticketId", "channel", "integrationId", "storeId"))
ALL = "count(distinct f.ticket_id)"
_WITHOUT = "({} is null or {} < {begin})"


def first(dimensions: Sequence[str], filters: Sequence[Filter], begin: str) -> str | None:
    """The condition that an answer is the first one of its group after `begin`; None: it cannot be told."""
    by_agent = "agentId" in dimensions
    if not {*dimensions} <= OF_TICKET | {"agentId"}:
        return None
    narrowing = [one for one in filters if one.member in ("agentId", "agentIdFromTeamId")]
    if narrowing and not by_agent:
        # Of one agent's answers the first one is known, of several agents' it is not.
        if len(narrowing) > 1 or narrowing[0].member != "agentId" or narrowing[0].operator != "one-of":
            return None
        by_agent = len(narrowing[0].values) == 1
        if not by_agent:
            return None
    return _WITHOUT.replace("{}", "f.previous_own" if by_agent else "f.previous").replace("{begin}", begin)


def first_tag(dimensions: Sequence[str], filters: Sequence[Filter], begin: str) -> str | None:
    """The same of tags, of which the tickets with any are counted: all else that is told is the ticket's."""
    if not {*dimensions} <= OF_TICKET | {"agentId"} or any(one.member == "tagId" for one in filters):
        return None
    return _WITHOUT.replace("{}", "f.previous").replace("{begin}", begin)


def count(filters: Sequence[Filter]) -> str:
    """How many tickets were answered in the period."""
    condition = first((), filters, "$2")
    return ALL if condition is None else "count(*) filter (where " + condition + ")"
