"""How a measure is computed from the facts of its group (`f`), and which facts it counts; times become seconds here."""

_SECONDS = "round(({what})::numeric / 1000000, 2)"
# Over the facts of which {only} holds.
_COUNT = "count(*) filter (where {only})"
_SHARE = "round(100.0 * count(*) filter (where {only}) / nullif(count(*) filter (where {whole}), 0), 2)"


def _share(only: str, whole: str) -> str:
    return _SHARE.replace("{only}", only).replace("{whole}", whole)


# The facts that a measure counts, where those are not all.
ONLY: dict[str, str] = {
    "surveys": "f.kind = 'sent'",
    "scored": "f.kind = 'scored'",
    "score": "f.kind = 'scored'",
    "satisfied": "f.kind = 'scored' and f.value >= 4",
    "answered": "f.kind = 'sent' and f.value is not null",
    "kept": "f.kind = 'achieved'",
    "inbound": "f.kind like 'inbound %'",
    "outbound": "f.kind like 'outbound %'",
    "inbound_answered": "f.kind = 'inbound answered'",
    "inbound_unanswered": "f.kind in ('inbound missed', 'inbound abandoned', 'inbound cancelled',"
    " 'inbound callback-requested')",
    "inbound_missed": "f.kind = 'inbound missed'",
    "inbound_abandoned": "f.kind = 'inbound abandoned'",
    "inbound_cancelled": "f.kind = 'inbound cancelled'",
    "inbound_callback": "f.kind = 'inbound callback-requested'",
    "talked": "f.talked is not null",
    "waited": "f.waited is not null",
    "used": "f.used is not null",
    "bought": "f.bought",
    "products_bought": "f.bought",
    "success": "f.kind = 'automated'",
    "dropped": "f.kind = 'dropped'",
    "handed": "f.kind = 'handover'",
}
_CALLS = (
    "inbound", "outbound", "inbound_answered", "inbound_unanswered", "inbound_missed", "inbound_abandoned",
    "inbound_cancelled", "inbound_callback",
)  # fmt: skip

# Of interactions, of which a group may have one several times.
_PART = "round(100.0 * count(distinct {of}) filter (where {only}) / nullif(count(distinct {of}), 0), 2)"
# Amounts of several currencies have no sum.
_MONEY = "case when count(distinct f.currency) <= 1 then round({what}, 2) end"
_HALF = "(percentile_cont(0.5) within group (order by {what}))::numeric"
_REVIEW = "round(avg((f.review->>'{name}')::numeric), 2)"
REVIEWED = (
    "communication_skills", "language_proficiency", "accuracy", "efficiency", "internal_compliance", "brand_voice",
)  # fmt: skip


def _part(how: str, of: str = "f.item") -> str:
    return _PART.replace("{only}", ONLY[how]).replace("{of}", of)


AGGREGATES: dict[str, str] = {
    # Facts of which a group has at most one per ticket are counted; of others, see `reports`.
    "tickets": "count(*)",
    "rows": "count(*)",
    "average": "round(avg(f.value), 2)",
    "average_time": _SECONDS.replace("{what}", "avg(f.value)"),
    "median_time": "array_agg(f.value)",
    # Of the older statistics only.
    "p90": "array_agg(f.value)",
    "time": "round(coalesce(sum(f.value), 0) / 1000000)",
    "time_per_ticket": "round(sum(f.value) / nullif(count(distinct f.ticket_id), 0) / 1000000, 2)",
    "talked": _SECONDS.replace("{what}", "avg(f.talked)"),
    "waited": _SECONDS.replace("{what}", "avg(f.waited)"),
    "surveys": _COUNT.replace("{only}", ONLY["surveys"]),
    "scored": _COUNT.replace("{only}", ONLY["scored"]),
    "score": "round(avg(f.value) filter (where f.kind = 'scored'), 2)",
    "satisfied": _share(ONLY["satisfied"], ONLY["scored"]),
    "answered": _share(ONLY["answered"], ONLY["surveys"]),
    "kept": _share(ONLY["kept"], "f.kind <> 'pending'"),
    "calls_of_agents": "count(distinct (f.item, f.agent_id))",
    **{name: _COUNT.replace("{only}", ONLY[name]) for name in _CALLS},
    "median": "round(" + _HALF.replace("{what}", "f.value") + ", 2)",
    "items": "count(distinct f.item)",
    "distinct_tickets": "count(distinct f.ticket_id)",
    "dropped": "count(distinct f.item) filter (where " + ONLY["dropped"] + ")",
    "handed": "count(distinct f.item) filter (where " + ONLY["handed"] + ")",
    "success": _part("success"),
    "money": _MONEY.replace("{what}", "coalesce(sum(f.value), 0)"),
    "money_average": _MONEY.replace("{what}", "avg(f.value)"),
    "money_median": _MONEY.replace("{what}", _HALF.replace("{what}", "f.value")),
    "dollars": "round(coalesce(sum(f.dollars), 0), 2)",
    "purchase_average": "round(avg(f.seconds), 2)",
    "purchase_median": "round(" + _HALF.replace("{what}", "f.seconds") + ", 2)",
    "used": "count(distinct f.used)",
    "usage": "round(100.0 * count(distinct f.used) / nullif(count(distinct f.item), 0), 2)",
    "revenue": _MONEY.replace(
        "{what}", "coalesce(sum(f.revenue), 0) / nullif(count(*) filter (where f.kind = 'interaction'), 0)"
    ),
    "products": "count(distinct f.product)",
    "times": "coalesce(sum(f.times), 0)",
    "bought": _part("bought"),
    "products_bought": _part("products_bought", "(f.item, f.product)"),
    "saved_average": "round(coalesce(sum(f.average), 0) / 1000000)",
    "saved_median": "round(coalesce(sum(f.median), 0)::numeric / 1000000)",
    "resolution_completeness": "round(100.0 * count(*) filter (where f.review->>'resolution_completeness' = 'true')"
    " / nullif(count(f.review->>'resolution_completeness'), 0), 2)",
    **{name: _REVIEW.replace("{name}", name) for name in REVIEWED},
    "uses": "count(distinct f.interaction)",
    # One for each ticket.
    "score_of_tickets": "jsonb_object_agg(f.ticket_id, f.value)"
    " filter (where f.ticket_id is not null and f.value is not null)",
}

# What is made of an aggregate ({}) once groups are there: collecting values first and sorting those of each group spares
# the sort of all facts by group. As a column, values are not written down before they are sorted.
_SORTED = "(select {told} from (select {percentile} within group (order by v) as m from ({values}) s) s)"
# The half of what both values in the middle make (of an odd number they are one): whole numbers are sorted as such in half
# the time that `percentile_cont` takes, which makes fractions of them first.
_MIDDLE = "percentile_disc(array[(({n} + 1) / 2 - 0.5) / {n}, ({n} / 2 + 0.5) / {n}]::float8[])"
_MEDIAN = _SORTED.replace("{percentile}", _MIDDLE).replace("{told}", "(m[1] + m[2])::numeric / 2")
_P90 = (
    _SORTED.replace("{percentile}", "percentile_cont(0.9)")
    .replace("{told}", _SECONDS.replace("{what}", "m"))
    .replace("{values}", "select unnest({}) as v")
)


def median(values: str, number: str) -> str:
    """The median of whole numbers: the `v` of a query, of which there are so many."""
    return _MEDIAN.replace("{values}", values).replace("{n}", number)


def middles(values: str, number: str) -> str:
    """Both values in the middle, as an array."""
    text = _SORTED.replace("{percentile}", _MIDDLE).replace("{told}", "m")
    return text.replace("{values}", values).replace("{n}", number)


def median_of(column: str) -> str:
    """The median of collected whole numbers."""
    return median("select unnest(" + column + ") as v", "cardinality(" + column + ")")


FINISHED: dict[str, str] = {
    "median_time": _SECONDS.replace("{what}", median_of("{}")),
    "p90": _P90,
    "score_of_tickets": "(select round(avg(v::numeric), 2) from jsonb_each_text({}) as s (k, v))",
}
