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
# Collecting values first and sorting those of each group spares the sort of all facts by group.
_HALF = "(select percentile_cont(0.5) within group (order by v) from unnest({}) as v)"
_LESS_HALF = _LESS.replace("{w}", _HALF.replace("{}", "{w}")).replace("{p}", _HALF.replace("{}", "{p}"))
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
        "array_agg(f.value)",
        "f.kind = 'automated'",
        "array_agg(f.value) filter (where f.kind = 'human')",
        _LESS_HALF,
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
    every = [(text, "d" + str(place)) for place, (text, _) in enumerate(groups)]
    wholes = [one.whole for one in compared]
    if any(alone for _, alone in groups):
        common = [named for named, (_, alone) in zip(every, groups, strict=True) if not alone]
        parts = _grouped(every, "p", [one.part for one in compared], [*where, compared[0].only + only])
        same = " and ".join("p." + name + " is not distinct from w." + name for _, name in common) or "true"
        source = "(" + parts + ") p left join (" + _grouped(common, "w", wholes, where) + ") w on " + same
    else:
        own = [one.part + " filter (where " + one.only + only + ")" for one in compared]
        both = [
            *(text + " as p" + str(place) for place, text in enumerate(own)),
            *(text + " as w" + str(place) for place, text in enumerate(wholes)),
        ]
        source = "(" + _selected(every, both, where) + ") p"
    made = [
        one.made.replace("{p}", "p" + str(place)).replace("{w}", "w" + str(place))
        for place, one in enumerate(compared)
    ]
    return " select " + ", ".join([*("p." + name for _, name in every), *made]) + " from " + source


def _grouped(
    groups: Sequence[tuple[str, str]], letter: str, measures: Sequence[str], where: Sequence[str]
) -> str:
    return _selected(
        groups, [text + " as " + letter + str(place) for place, text in enumerate(measures)], where
    )


def _selected(groups: Sequence[tuple[str, str]], measures: Sequence[str], where: Sequence[str]) -> str:
    text = "select " + ", ".join([*(text + " as " + name for text, name in groups), *measures]) + " from f"
    text += " where " + " and ".join(where) if where else ""
    return text + (" group by " + ", ".join(name for _, name in groups) if groups else "")
