"""Business hours: whether a moment lies in them. Where they come from is left to the caller."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


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
