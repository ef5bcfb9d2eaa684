"""Writes moments by the patterns of moment.js, in English: `MMM Do YY` is `Mar 22nd 18`."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from polus.lang.values import instant

LONGEST_PATTERN = 200
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
_LONG_FORMS = {
    "LT": "h:mm A",
    "LTS": "h:mm:ss A",
    "L": "MM/DD/YYYY",
    "LL": "MMMM D, YYYY",
    "LLL": "MMMM D, YYYY h:mm A",
    "LLLL": "dddd, MMMM D, YYYY h:mm A",
    "l": "M/D/YYYY",
    "ll": "MMM D, YYYY",
    "lll": "MMM D, YYYY h:mm A",
    "llll": "ddd, MMM D, YYYY h:mm A",
}


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 < number % 100 < 20 else ending}"


def _offset(at: datetime, colon: str) -> str:
    minutes = int((at.utcoffset() or timedelta()).total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}{colon}{abs(minutes) % 60:02}"


_TOKENS: dict[str, Callable[[datetime], str]] = {
    "YYYY": lambda at: f"{at.year:04}",
    "YY": lambda at: f"{at.year % 100:02}",
    "Q": lambda at: str((at.month + 2) // 3),
    "M": lambda at: str(at.month),
    "MM": lambda at: f"{at.month:02}",
    "MMM": lambda at: _MONTHS[at.month - 1][:3],
    "MMMM": lambda at: _MONTHS[at.month - 1],
    "D": lambda at: str(at.day),
    "Do": lambda at: ordinal(at.day),
    "DD": lambda at: f"{at.day:02}",
    "DDD": lambda at: str(at.timetuple().tm_yday),
    "DDDD": lambda at: f"{at.timetuple().tm_yday:03}",
    "d": lambda at: str(at.isoweekday() % 7),
    "dd": lambda at: _DAYS[at.weekday()][:2],
    "ddd": lambda at: _DAYS[at.weekday()][:3],
    "dddd": lambda at: _DAYS[at.weekday()],
    "E": lambda at: str(at.isoweekday()),
    "W": lambda at: str(at.isocalendar().week),
    "WW": lambda at: f"{at.isocalendar().week:02}",
    "H": lambda at: str(at.hour),
    "HH": lambda at: f"{at.hour:02}",
    "h": lambda at: str(at.hour % 12 or 12),
    "hh": lambda at: f"{at.hour % 12 or 12:02}",
    "k": lambda at: str(at.hour or 24),
    "kk": lambda at: f"{at.hour or 24:02}",
    "m": lambda at: str(at.minute),
    "mm": lambda at: f"{at.minute:02}",
    "s": lambda at: str(at.second),
    "ss": lambda at: f"{at.second:02}",
    "SSS": lambda at: f"{at.microsecond // 1000:03}",
    "a": lambda at: "am" if at.hour < 12 else "pm",
    "A": lambda at: "AM" if at.hour < 12 else "PM",
    "Z": lambda at: _offset(at, ":"),
    "ZZ": lambda at: _offset(at, ""),
    "X": lambda at: str(int(at.timestamp())),
    "x": lambda at: str(int(at.timestamp() * 1000)),
    **{name: lambda at, form=form: _write(at, form) for name, form in _LONG_FORMS.items()},  # type: ignore[misc]
}
_WORDS = sorted(_TOKENS, key=len, reverse=True)
_PART = re.compile(r"\[([^\]]*)\]|(" + "|".join(_WORDS) + ")")
TOKENS = frozenset(_TOKENS)


def _write(at: datetime, pattern: str) -> str:
    return _PART.sub(lambda found: found[1] if found[2] is None else _TOKENS[found[2]](at), pattern)


def write(value: Any, pattern: str, zone: str) -> str:
    """The moment `value`, an ISO text or seconds since 1970, in the zone. Raises ValueError for anything else.

    Text in `[…]` is literal, other characters stay.
    """
    if len(pattern) > LONGEST_PATTERN or not _ZONE.fullmatch(zone):
        raise ValueError("pattern or time zone")
    try:
        return _write(_moment(value).astimezone(ZoneInfo(zone)), pattern)
    except (KeyError, OSError, OverflowError) as wrong:
        raise ValueError("time zone or moment") from wrong


def _moment(value: Any) -> datetime:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    found = instant(value)
    if found is None:
        raise ValueError("no moment")
    return found
