"""Shares and differences: the part of the facts that automation has, beside the whole that it is compared with.

Dimensions and filters that only automation knows narrow the part alone (reference: Statistics 4, Scopes).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from polus.desk.statistics.aggregates import median_of
from polus.desk.statistics.conditions import Filter


class Comparison(NamedTuple):
    """`part`: an aggregate of automation's facts that `only` holds of; `whole`: what all of those add to the whole; `rest`:
    what the facts of kind `other` add to it; `sums`: whether that is a sum, else only one of both tells it; `made`: what is
    made of {p} and {w}; `once`: part and whole of facts that are read once, where nothing narrows the part alone."""

    part: str
    only: str
    whole: str
    rest: str
    other: str
    sums: bool
    made: str
    once: tuple[str, str] | None = None


_SHARE = "round(100.0 * coalesce({p}, 0) / nullif({w}, 0), 2)"
_LESS = "round(({w} - {p})::numeric / 1000000, 2)"
_LESS_HALF = _LESS.replace("{w}", median_of("{w}")).replace("{p}", median_of("{p}"))
_AUTOMATED = "f.kind = 'automated'"
_COVERED = "f.kind = 'covered'"
_FILTER = " filter (where {})"


def _both(aggregate: str) -> tuple[str, str]:
    return aggregate + _FILTER.replace("{}", _AUTOMATED), aggregate + _FILTER.replace(
        "{}", "f.kind = 'human'"
    )


COMPARISONS: dict[str, Comparison] = {
    # No interaction comes twice here.
    "automation": Comparison("count(*)", _AUTOMATED, "count(*)", "count(*)", "human", True, _SHARE),
    "coverage": Comparison(
        "count(distinct f.ticket_id)", _COVERED, "null", "count(*)", "ticket", True, _SHARE,
        ("count(*)" + _FILTER.replace("{}", _COVERED), "count(*)"),
    ),
    "less_average": Comparison(
        "avg(f.value)", _AUTOMATED, "null", "avg(f.value)", "human", False, _LESS, _both("avg(f.value)")
    ),
    "less_median": Comparison(
        "array_agg(f.value)", _AUTOMATED, "null", "array_agg(f.value)", "human", False, _LESS_HALF,
        _both("array_agg(f.value)"),
    ),
}  # fmt: skip
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


def at_once(hows: Sequence[str], dimensions: Sequence[str], filters: Sequence[Filter]) -> bool:
    """Whether part and whole can be told from facts that are read once: nothing narrows the part alone."""
    return (
        all(COMPARISONS[how].once for how in hows)
        and not any(apart(name, how) for name in dimensions for how in hows)
        and not split(filters)[1]
    )


def once(hows: Sequence[str], groups: Sequence[str], where: Sequence[str]) -> str:
    """What follows the facts `f` that are read once; a row for each group."""
    compared = [COMPARISONS[how] for how in hows]
    every = [(text, "d" + str(place)) for place, text in enumerate(groups)]
    both = [one.once or ("", "") for one in compared]
    told = [*_named("p", [part for part, _ in both]), *_named("w", [whole for _, whole in both])]
    return _made(compared, every, "(" + _selected(every, told, where) + ") p")


def statement(
    hows: Sequence[str], groups: Sequence[tuple[str, bool]], where: Sequence[str], narrow: Sequence[str]
) -> str:
    """What follows the facts `f`; a row for each group. `groups`: (expression, whether it narrows the part alone).

    Facts of automation and all others are read by two branches: the many others are only counted, on both processors.
    """
    compared = [COMPARISONS[how] for how in hows]
    only = "".join(" and " + text for text in narrow)
    every = [(text, "d" + str(place)) for place, (text, _) in enumerate(groups)]
    parts = [one.part + " filter (where " + one.only + only + ")" for one in compared]
    nothing = ["null"] * len(compared)
    wholes, rests = [one.whole for one in compared], [one.rest for one in compared]
    if any(alone for _, alone in groups):
        common = [named for named, (_, alone) in zip(every, groups, strict=True) if not alone]
        part = _selected(every, _named("p", parts), [*where, compared[0].only + only])
        whole = _added(compared, common, where, {"w": (wholes, rests)})
        same = " and ".join("p." + name + " is not distinct from w." + name for _, name in common) or "true"
        source = "(" + part + ") p left join (" + whole + ") w on " + same
    else:
        both = {"p": (parts, nothing), "w": (wholes, rests)}
        source = "(" + _added(compared, every, where, both) + ") p"
    return _made(compared, every, source)


def _made(compared: Sequence[Comparison], every: Sequence[tuple[str, str]], source: str) -> str:
    made = [
        one.made.replace("{p}", "p" + str(place)).replace("{w}", "w" + str(place))
        for place, one in enumerate(compared)
    ]
    return " select " + ", ".join([*("p." + name for _, name in every), *made]) + " from " + source


def _added(
    compared: Sequence[Comparison],
    groups: Sequence[tuple[str, str]],
    where: Sequence[str],
    columns: Mapping[str, tuple[Sequence[str], Sequence[str]]],
) -> str:
    """Groups of automation's facts and of the others, put together; `columns`: a letter, and what each of both tells."""
    other = "f.kind = '" + compared[0].other + "'"
    sides = [
        _selected(
            groups,
            [text for letter, told in columns.items() for text in _named(letter, told[side])],
            [*where, ("not " if side == 0 else "") + other],
        )
        for side in (0, 1)
    ]
    totals = [
        ("sum(" if one.sums else "max(") + letter + str(place) + ") as " + letter + str(place)
        for letter in columns
        for place, one in enumerate(compared)
    ]
    names = [(name, name) for _, name in groups]
    return _selected(names, totals, (), "(" + " union all ".join(sides) + ") s")


def _named(letter: str, texts: Sequence[str]) -> list[str]:
    return [text + " as " + letter + str(place) for place, text in enumerate(texts)]


def _selected(
    groups: Sequence[tuple[str, str]], measures: Sequence[str], where: Sequence[str], source: str = "f"
) -> str:
    text = "select " + ", ".join([*(text + " as " + name for text, name in groups), *measures])
    text += " from " + source + (" where " + " and ".join(where) if where else "")
    return text + (" group by " + ", ".join(name for _, name in groups) if groups else "")
