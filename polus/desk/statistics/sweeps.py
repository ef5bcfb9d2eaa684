"""Snapshots: what was open at the end of each bucket of a period, in one pass over what was open in it."""

from collections.abc import Sequence

# What was open at the end of each bucket: each time that something is open begins in one bucket and ends in a later
# one, and between two such changes a group stays as large as it is.
SWEEP = """
, narrowed as (
  select {groups}, width_bucket(f.begins, {ends}) + 1 as first, width_bucket(f.ends, {ends}) as last, count(*) as size
  from f {where} group by {names}, first, last
), steps as (
  select {names}, step.place, sum(step.change) as change
  from narrowed cross join lateral (values (first, size), (last + 1, -size)) as step (place, change)
  where first <= last group by {names}, step.place
), sizes as (
  select {names}, place, sum(change) over (partition by {names} order by place) as size,
    lead(place) over (partition by {names} order by place) as next
  from steps
)
select {names}, $7[place_of], {measures} from sizes,
  generate_series(place, least(coalesce(next, cardinality($7) + 1), cardinality($7) + 1) - 1) as place_of
where size > 0 limit """
# The ends of the buckets, worked out once: a row of a table of them would keep the second process out.
ENDS = "(select array_agg(least(at, $3) order by at) from unnest($7[2:] || $3) as at)"


def statement(groups: Sequence[str], measures: int, where: str) -> str:
    """What follows the facts `f`; the number of rows at most is to be put at its end."""
    names = ["d" + str(place) for place in range(len(groups))]
    parts = {
        "{groups}, ": "".join(
            group + " as " + name + ", " for group, name in zip(groups, names, strict=True)
        ),
        "group by {names}, ": "group by " + "".join(name + ", " for name in names),
        "partition by {names} ": "partition by " + ", ".join(names) + " " if names else "",
        "{names}, ": "".join(name + ", " for name in names),
        "{where}": where,
        "{ends}": ENDS,
        "{measures}": ", ".join(["size"] * measures),
    }
    made = SWEEP
    for place, part in parts.items():
        made = made.replace(place, part)
    return made
