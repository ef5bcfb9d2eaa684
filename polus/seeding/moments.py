"""When things happen in a shop that grows: its tickets over two years, most of them lately and by day. Pure.

Moments are seconds since 1970.
"""

import datetime
import itertools
from bisect import bisect
from collections.abc import Callable

DAY = 86_400.0
SPAN = 730 * DAY
# How much denser tickets lie towards the end.
GROWTH = 2.2
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
# How much is written in each hour of the day, and which share of a day's is written when the hour begins.
HOURS = (1, 1, 1, 1, 1, 2, 4, 7, 10, 12, 12, 11, 10, 11, 11, 10, 9, 9, 9, 9, 8, 6, 4, 2)
WRITTEN = [0.0, *itertools.accumulate(hour / sum(HOURS) for hour in HOURS)]


def stamp(moment: float) -> str:
    """As PostgreSQL reads it, to the microsecond."""
    return (EPOCH + datetime.timedelta(seconds=moment)).isoformat(" ")


def created(left: float, until: float) -> float:
    """When the ticket came of which this share (1 to 0) of all tickets is still to come."""
    return _by_day(until - SPAN * left**GROWTH, until)


def _by_day(moment: float, until: float) -> float:
    """The same day, at an hour at which people write; order is kept."""
    day, passed = divmod(moment, DAY)
    share = passed / DAY
    hour = min(bisect(WRITTEN, share), 24) - 1
    within = (share - WRITTEN[hour]) / (WRITTEN[hour + 1] - WRITTEN[hour])
    shifted = day * DAY + (hour + within) * 3600
    # On the last day there is no evening yet.
    return shifted if shifted < until // DAY * DAY else moment


def conversation(begun: float, until: float, count: int, random: Callable[[], float]) -> list[float]:
    """When each of its messages came: after minutes to a day each, none after `until`."""
    moments = [begun]
    for _ in range(count - 1):
        moments.append(moments[-1] + 600 + 90_000 * random() ** 3)
    if moments[-1] > until:
        shrink = 0.95 * (until - begun) / (moments[-1] - begun)
        moments = [begun + (moment - begun) * shrink for moment in moments]
    return moments
