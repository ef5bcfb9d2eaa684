"""Business hours: whether a moment lies in them, how much of them lies between two moments, when so much is over.

The wall clock of the zone decides, so days on which the clocks change are shorter or longer, or have an hour twice.
Where the hours come from is left to the caller.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
# Nobody's target is so far away; what is not over by then never is.
_FARTHEST = 366 * 100
Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Span:
    """Open from `opens` to `closes`, both counted from midnight of the ISO weekdays `days`."""

    days: frozenset[int]
    opens: timedelta
    closes: timedelta


@dataclass(frozen=True, slots=True)
class Hours:
    """Opening hours in one time zone."""

    zone: ZoneInfo
    spans: tuple[Span, ...]

    def contains(self, moment: datetime) -> bool:
        """Whether `moment` lies in some span, by the wall clock of the zone; the end is outside."""
        wall = moment.astimezone(self.zone)
        since = timedelta(
            hours=wall.hour, minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond
        )
        today = wall.isoweekday()
        yesterday = 7 if today == 1 else today - 1
        return any(
            (today in span.days and span.opens <= since < span.closes)
            or (yesterday in span.days and span.opens <= since + _DAY < span.closes)
            for span in self.spans
        )

    def between(self, start: datetime, end: datetime) -> float:
        """Seconds of business hours from `start` to `end`; 0 when `end` is the earlier one."""
        total = timedelta()
        if self.spans and end > start:
            for opens, closes in self._from(start):
                if opens >= end:
                    break
                total += min(closes, end) - opens
        return total.total_seconds()

    def after(self, start: datetime, seconds: float) -> datetime | None:
        """The first moment at which so many seconds of business hours are over, in UTC; None when they never are."""
        left = timedelta(seconds=seconds)
        for opens, closes in self._from(start) if self.spans else ():
            if closes - opens >= left:
                return opens + left
            left -= closes - opens
        return None

    def _from(self, start: datetime) -> Iterator[Interval]:
        """The open intervals from `start` on, in UTC, in order, none overlapping another."""
        first = start.astimezone(self.zone).date() - 2 * _DAY
        held: Interval | None = None
        for number in range(_FARTHEST):
            for opens, closes in sorted(self._on(first + number * _DAY)):
                if closes <= start:
                    continue
                opens = max(opens, start.astimezone(UTC))
                if held is not None and opens <= held[1]:
                    held = (min(held[0], opens), max(held[1], closes))
                    continue
                if held is not None:
                    yield held
                held = (opens, closes)
            # A day back, nothing that begins later can join any more.
            settled = self._midnight(first + (number + 1) * _DAY) - _DAY
            if held is not None and held[0] < settled:
                yield (held[0], min(held[1], settled))
                held = (settled, held[1]) if held[1] > settled else None

    def _on(self, day: date) -> Iterator[Interval]:
        """What the spans of one day cover, in UTC."""
        for span in self.spans:
            if day.isoweekday() in span.days:
                midnight = datetime.combine(day, time())
                yield from self._instants(midnight + span.opens, midnight + span.closes)

    def _instants(self, opens: datetime, closes: datetime) -> Iterator[Interval]:
        """When the wall clock shows something from `opens` to `closes`, both naive; twice when it is put back."""
        early, late = (opens - _DAY).replace(tzinfo=self.zone), (closes + _DAY).replace(tzinfo=self.zone)
        before, after = _offset(early), _offset(late)
        if before == after:
            yield ((opens - before).replace(tzinfo=UTC), (closes - before).replace(tzinfo=UTC))
            return
        change = self._change(early.astimezone(UTC), late.astimezone(UTC), before)
        one = ((opens - before).replace(tzinfo=UTC), min((closes - before).replace(tzinfo=UTC), change))
        other = (max((opens - after).replace(tzinfo=UTC), change), (closes - after).replace(tzinfo=UTC))
        for begins, ends in (one, other):
            if begins < ends:
                yield (begins, ends)

    def _change(self, early: datetime, late: datetime, before: timedelta) -> datetime:
        """The second at which the zone leaves the offset `before`."""
        while late - early > timedelta(seconds=1):
            middle = early + timedelta(seconds=int((late - early).total_seconds()) // 2)
            if _offset(middle.astimezone(self.zone)) == before:
                early = middle
            else:
                late = middle
        return late

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta()


def parse(setting: Mapping[str, Any]) -> Hours:
    """Hours from the `data` of the account setting `business-hours`. Raises ValueError.

    One span instead of a list of them is accepted. An end before the start runs into the next day; equal times
    mean the whole day.
    """
    given = setting.get("business_hours") or []
    spans = [given] if isinstance(given, Mapping) else list(given)
    try:
        zone = ZoneInfo(str(setting.get("timezone") or "UTC"))
        return Hours(zone, tuple(_span(span) for span in spans))
    except (KeyError, TypeError, OSError) as wrong:
        raise ValueError("Not valid business hours.") from wrong


def _span(span: Mapping[str, Any]) -> Span:
    days = frozenset(int(day) for day in str(span["days"]).split(",") if day.strip())
    opens, closes = _clock(str(span["from_time"])), _clock(str(span["to_time"]))
    if not days <= frozenset(range(1, 8)):
        raise ValueError("Days count from 1, Monday, to 7, Sunday.")
    if opens == closes:
        return Span(days, timedelta(), _DAY)
    return Span(days, opens, closes if closes > opens else closes + _DAY)


def _clock(written: str) -> timedelta:
    if written == "24:00":
        return _DAY
    at = time.fromisoformat(written)
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)
