"""The time: now, its text on the wire, and reading what clients send. All times are UTC with microseconds.

Tests turn the clock with `turned`; nothing else in the package may ask the system for the date.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta, timezone

_shift: ContextVar[timedelta] = ContextVar("clock_shift", default=timedelta())
_frozen: ContextVar[datetime | None] = ContextVar("clock_frozen", default=None)

# wire: "2026-08-26T12:30", "2026-08-26 12:30:00.5+02:00", "2026-08-26T12:30:00Z", "2026-08-26"
_FORM = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?"
    r"(?:(Z|z)|([+-])(\d{2}):?([0-5]\d)?)?)?",
    re.ASCII,
)


def now() -> datetime:
    """The present moment in UTC."""
    return (_frozen.get() or datetime.now(UTC)) + _shift.get()


@contextmanager
def turned(*, to: datetime | None = None, by: timedelta = timedelta()) -> Iterator[None]:
    """For tests: the clock stands at `to`, or runs `by` ahead. Turnings nest; a later `to` replaces."""
    frozen = _frozen.set(to.astimezone(UTC)) if to else None
    shift = _shift.set(by if to else _shift.get() + by)
    try:
        yield
    finally:
        _shift.reset(shift)
        if frozen:
            _frozen.reset(frozen)


def text(moment: datetime) -> str:
    """The wire form: `2026-08-26T18:47:51.764128+00:00`; a zero fraction is left out."""
    return moment.astimezone(UTC).isoformat()


def parse(written: str) -> datetime:
    """Reads a client's date and time; without an offset it is UTC. Raises ValueError for anything else.

    Digits after the microseconds are cut. Years are 1970 to 9999, counted in UTC.
    """
    match = _FORM.fullmatch(written)
    try:
        moment = _moment(match.groups()) if match else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None or moment.year < 1970:
        raise ValueError("Not a valid datetime.")
    return moment


def _moment(parts: tuple[str | None, ...]) -> datetime:
    year, month, day, hour, minute, second = (int(part or 0) for part in parts[:6])
    fraction, _, sign, hours, minutes = parts[6:]
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    moment = datetime(year, month, day, hour, minute, second, micro, UTC)
    if sign is None:
        return moment
    # timezone() is what refuses an offset of 24 hours or more.
    away = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return moment.replace(tzinfo=timezone(away if sign == "+" else -away)).astimezone(UTC)
