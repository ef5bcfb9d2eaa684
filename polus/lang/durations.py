"""Lengths of time as rules and macros write them: `3w`, `1d 12h`."""

import re
from datetime import timedelta

LONGEST = timedelta(days=3_650)
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
# Falling order, each unit once, by construction of the pattern.
_FORM = re.compile(
    r" *" + r"".join(rf"(?:(?P<{name}>[0-9]{{1,12}}) *{unit} *)?" for unit, name in _UNITS.items()), re.ASCII
)
_WORDS = [("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)]


def parse(written: str) -> timedelta:
    """Reads `<n><unit>` parts in falling order; a day is 86,400 seconds. Raises ValueError for anything else."""
    match = _FORM.fullmatch(written)
    parts = {name: int(count) for name, count in match.groupdict().items() if count} if match else {}
    try:
        length = timedelta(**parts)
    except OverflowError:
        length = LONGEST + timedelta(1)
    if not parts or length > LONGEST:
        raise ValueError("not a duration such as '3d' or '1d 12h', at most 3650 days")
    return length


def words(length: timedelta) -> str:
    """The length in English: `1 day and 12 hours`."""
    left = int(length.total_seconds())
    parts: list[str] = []
    for word, seconds in _WORDS:
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count} {word}{'' if count == 1 else 's'}")
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts) or "0 seconds"
