"""Shares and differences: the part of the facts that automation has, beside the whole that it is compared with.

Dimensions and filters that only automation knows narrow the part alone (reference: Statistics 4, Scopes).
"""

from collections.abc import Sequence
from typing import NamedTuple

from polus.desk.statistics.conditions import Filter


class Comparison(NamedTuple):
    """`part`: an aggregate of the facts that `only` holds of; `whole`: one of all; `made`: what is made of {p} and {w}."""

    part: str
    only: str
    whole: str
    made: str


_SHARE = "round(100.0 * {p} / nullif({w}, 0), 2)"
_LESS = "round(({w} - {p})::numeric / 1000000, 2)"
_HALF = "percentile_cont(0.5) within group (order by f.value)"
COMPARISONS: dict[str, Comparison] = {
    "automation": Comparison("count(distinct f.item)", "f.kind = 'automated'", "count(*)", _SHARE),
    "coverage": Comparison(
        "count(distinct f.ticket_id)",
        "f.kind = 'covered'",
        "count(*) filter (where f.kind = 'ticket')",
        _SHARE,
    ),
    "less_average": Comparison(
        "avg(f.value)", "f.kind = 'automated'", "avg(f.value) filter (where f.kind = 'human')", _LESS
    ),
    "less_median": Comparison(
        _HALF, "f.kind = 'automated'", _HALF + " filter (where f.kind = 'human')", _LESS
    ),
}
# What only automation knows; times are those of one ticket, which nobody else has.
APART = frozenset(
    """automationFeatureType aiAgentRole engagementType orderManagementType flowId aiIntentCustomField resolutionTime
    firstResponseTime""".split()
)


def apart(name: str, how: str) -> bool:
    """Whether a dimension or member narrows the part alone: of times, the ticket too is one of automation only."""
    return name in APART or (name == "ticketId" and how in ("less_average", "less_median"))


def split(filters: Sequence[Filter]) -> tuple[list[Filter], list[Filter]]:
    """Filters of all facts, and those of the part."""
    return (
        [one for one in filters if one.member not in APART],
        [one for one in filters if one.member in APART],
    )


def statement(
    hows: Sequence[str], groups: Sequence[tuple[str, bool]], where: Sequence[str], narrow: Sequence[str]
) -> str:
    """What follows the facts `f`: a row for each group. `groups`: (expression, whether it narrows the part alone)."""
    compared = [COMPARISONS[how] for how in hows]
    only = "".join(" and " + text for text in narrow)
    of_all = " where " + " and ".join(where) if where else ""
    if not any(alone for _, alone in groups):
        made = [
            one.made.replace("{p}", one.part + " filter (where " + one.only + only + ")").replace(
                "{w}", one.whole
            )
            for one in compared
        ]
        places = ", ".join(str(place + 1) for place in range(len(groups)))
        selected = ", ".join([*(text for text, _ in groups), *made])
        return " select " + selected + " from f" + of_all + (" group by " + places if groups else "")
    return _apart(compared, groups, list(where), only)


def _apart(
    compared: Sequence[Comparison], groups: Sequence[tuple[str, bool]], where: list[str], only: str
) -> str:
    """Each part with its own groups, beside the whole that has only those that both have."""
    every = [(text, "d" + str(place)) for place, (text, _) in enumerate(groups)]
    common = [named for named, (_, alone) in zip(every, groups, strict=True) if not alone]
    parts = _grouped(every, [one.part for one in compared], [*where, compared[0].only + only])
    wholes = _grouped(common, [one.whole for one in compared], where)
    same = " and ".join("p." + name + " is not distinct from w." + name for _, name in common) or "true"
    made = [
        one.made.replace("{p}", "p.m" + str(place)).replace("{w}", "w.m" + str(place))
        for place, one in enumerate(compared)
    ]
    selected = ", ".join([*("p." + name for _, name in every), *made])
    return " select " + selected + " from (" + parts + ") p left join (" + wholes + ") w on " + same


def _grouped(groups: Sequence[tuple[str, str]], measures: Sequence[str], where: Sequence[str]) -> str:
    names = [text + " as " + name for text, name in groups]
    named = [text + " as m" + str(place) for place, text in enumerate(measures)]
    text = "select " + ", ".join([*names, *named]) + " from f"
    text += " where " + " and ".join(where) if where else ""
    return text + (" group by " + ", ".join(name for _, name in groups) if groups else "")
